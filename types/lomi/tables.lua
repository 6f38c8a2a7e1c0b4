---@meta lomi.tables
-- SPDX-License-Identifier: MIT
--- Made by tools/types.lua (make reference); changes belong into the tables it names.

---@class lomi.Client
---@field balances lomi.Balances
---@field charges lomi.Charges
---@field checkout_sessions lomi.CheckoutSessions
---@field coupons lomi.Coupons
---@field customers lomi.Customers
---@field disputes lomi.Disputes
---@field invoices lomi.Invoices
---@field payment_links lomi.PaymentLinks
---@field payment_requests lomi.PaymentRequests
---@field payout_methods lomi.PayoutMethods
---@field payouts lomi.Payouts
---@field products lomi.Products
---@field providers lomi.Providers
---@field refunds lomi.Refunds
---@field settlements lomi.Settlements
---@field subscriptions lomi.Subscriptions
---@field transactions lomi.Transactions
---@field webhooks lomi.WebhookEndpoints

---@class lomi.PageQuery
---@field limit? integer  how many a page holds; the service's default is 20
---@field cursor? string  `next_cursor` of the page before

---@class lomi.PeriodQuery
---@field startDate? string  ISO 8601; inclusive
---@field endDate? string  ISO 8601; inclusive

---@class lomi.PayerPage
---@field allow_quantity? boolean  the payer may change it (false)
---@field allow_coupon_code? boolean  (false)
---@field success_url? string  where the payer goes after paying; may hold `{CHECKOUT_SESSION_ID}`
---@field cancel_url? string  where the payer goes after giving up
---@field require_name? boolean  ask the payer for it (true)
---@field require_email? boolean  ask the payer for it (true)
---@field require_phone? boolean  ask the payer for it
---@field require_billing_address? boolean  ask the payer for it (false)
---@field metadata? table<string, any>  kept with the payment; no list at the top

---@class lomi.sandbox.RateLimit
---@field limit integer  requests, 1 or more
---@field window number  per so many seconds

---@class lomi.sandbox.Options
---@field port? integer  0, the default: any free one
---@field host? string  a numeric address; 127.0.0.1 unless told otherwise
---@field strict? boolean  as the live service where it asks for more than its documentation: a customer, a key
---@field amounts? "main"|"minor"  the unit of USD and EUR amounts; "minor" plays a service that takes cents ("main")
---@field idempotency? "honoured"|"ignored"  "ignored" plays an old deployment ("honoured")
---@field confirmation? "asked"|"skipped"  "skipped" plays a deployment that moves money at the first call ("asked")
---@field rate_limit? lomi.sandbox.RateLimit  over it is 429; nil: headers only
---@field tls_cert? string  a certificate in PEM; with `tls_key`, the sandbox speaks https
---@field tls_key? string  its private key in PEM
---@field ca_file? string  a path: what this handle trusts when `tls_cert` is a certificate of one's own making
---@field log? "plain"|"colour"  a line per request on standard output

---@class lomi.sandbox.ChaosOptions
---@field rate number  the share of requests that get a fault, 0 to 1
---@field seed? integer  0 to 2^53: the same one, the same story (1)
---@field delay? number  seconds the delayed ones wait, 0 to 60 (0.01)

---@class lomi.sandbox.WebhookOptions
---@field twice? boolean  every event twice, with the same id
---@field late? number  seconds an event waits before it is sent
---@field out_of_order? boolean  every other event is overtaken by the one after it
---@field bad_signature? boolean  one digit of the signature is wrong
---@field attempts? integer  1 to 20, how often it is tried in all (5)
---@field backoff? number  seconds after the first attempt that failed, then twice as many each time (0.5)

---@class lomi.sandbox.FaultOptions
---@field match? { method: string?, path: string? }  which requests; `*` in the path stands for one segment (all)
---@field times? integer  how many requests (1)
---@field status? integer  200 to 599: answered in place of the service, which does not see the request
---@field code? string  of a status: `error.code`
---@field message? string  of a status: `error.message`
---@field details? string  of a status: `error.details`
---@field retry_after? number  of a status: seconds, as `Retry-After`
---@field recorded? boolean  the status is the service's own answer, kept under the idempotency key and replayed
---@field drop? "before"|"after"|"mid_body"  the connection ends, before or after the charge is made
---@field reset? "before"|"after"|"mid_body"|true  the same by a TCP reset; `true` is "after"
---@field trickle? number  bytes of the answer per second
---@field garbage? true  the answer is not HTTP
---@field truncate? integer|true  so many bytes of the body arrive, or half of them
---@field empty? true  the answer has no body
---@field html? true  the answer is a proxy's page, 502 unless there is a `status`
---@field oversize? true  the answer is over 4 MiB
---@field body? string  in place of the answer's
---@field delay? number  seconds before the answer, 0 to 3600
---@field headers? table<string, string>  added to the answer
---@field muted? "card"|"wave"|"mtn"  503 for new charges of that rail, until the faults are cleared
---@field blocked? "card"|"wave"|"mtn"  403 for a new charge of that rail, as of the service's risk check
---@field charged? boolean  whether the charge is made; default: not with a status or a page, else it is

---@class lomi.ListBalances
---@field currency? "XOF"|"USD"|"EUR"

---@class lomi.BalanceBreakdown
---@field target_currency? "XOF"|"USD"|"EUR"  converts into it too

---@class lomi.Balances
--- The balance of every currency, or of one.
---@field list fun(self, query?: lomi.ListBalances, opts?: lomi.CallOptions): lomi.Page<lomi.Balance>?, lomi.Error?, lomi.Reply?
--- The available and the pending amounts.
---@field breakdown fun(self, query?: lomi.BalanceBreakdown, opts?: lomi.CallOptions): lomi.Page<lomi.BalanceParts>?, lomi.Error?, lomi.Reply?
--- The available amount in one currency, such as `XOF`.
---@field get fun(self, currency: string, opts?: lomi.CallOptions): lomi.AvailableBalance?, lomi.Error?, lomi.Reply?

---@class lomi.TransferData
---@field destination string  the account that is paid, `acct_…`
---@field amount? number  above 0, in the unit of the charge; nil: all of it

---@class lomi.PlatformFields
---@field application_fee_amount? number  0 or more, in the unit of the charge: what a platform keeps of it
---@field transfer_data? lomi.TransferData  the account that receives the rest
---@field transfer_group? string  a name that ties charges and transfers together

---@class lomi.CreateCardCharge
---@field amount number  above 0; in XOF, which has no decimals, 10000 is 10 000 F CFA; in USD and EUR see `amounts`
---@field currency_code? "XOF"|"USD"|"EUR"  the service's default is XOF
---@field currency? "XOF"|"USD"|"EUR"  the old name of `currency_code`; given both, they must be equal
---@field customer_id? string  a UUID v4
---@field customer_email? string  an address like `awa@example.com`; goes together with `customer_name`
---@field customer_name? string  not blank, 255 bytes at most; goes together with `customer_email`
---@field customer_phone? string  in any notation, 64 bytes at most
---@field description? string  shown in payment providers and logs
---@field payment_reference? string  your own reference, for reconciliation
---@field product_id? string  a UUID, for reconciliation
---@field subscription_id? string  a UUID, for reconciliation
---@field quantity? number  for reconciliation
---@field metadata? table<string, any>  kept with the charge and given back in its webhooks; no list at the top
---@field appearance_theme? "light"|"dark"|"flat"  the theme of the payment form
---@field appearance_border_radius? number  px, 0 or more
---@field appearance_billing_address? "auto"|"never"  whether the form asks for it
---@field hold? boolean  block the amount now, capture it later

---@class lomi.CaptureCardCharge
---@field amount? number  above 0, in the unit and currency of the charge; nil: all that is held. The rest is released

---@class lomi.IncrementCardHold
---@field amount number  the new total, above what is held now; in the unit and currency of the charge

---@class lomi.MobileCustomer
---@field name string  not blank
---@field phoneNumber string  E.164, like `+2250700000000`, or as dialled at home
---@field email? string  an address like `awa@example.com`

---@class lomi.CreateWaveCharge
---@field amount number  in the currency's main unit, 1 or more
---@field currency string  such as `XOF`, which takes no decimals; not blank
---@field customer lomi.MobileCustomer  the payer
---@field description? string
---@field environment? string  the service checks it; the client does not
---@field successUrl? string  where the payer comes back to after paying
---@field errorUrl? string  where the payer comes back to after failing to pay

---@class lomi.CreateMtnCharge
---@field amount integer  whole, in the currency's main unit, 1 or more
---@field currency string  such as `XOF`, which takes no decimals; not blank
---@field customer lomi.MobileCustomer  the payer
---@field description? string
---@field environment? string  the service checks it; the client does not
---@field countryCode? string  ISO 3166, two letters; the service's default is CI
---@field productId? string  a UUID, for reconciliation
---@field subscriptionId? string  a UUID, for reconciliation
---@field quantity? integer  whole, 1 or more; for reconciliation

---@class lomi.Charges
--- Creates a card charge. Its `client_secret` goes to the payer's browser, which pays it.
---@field create_card_charge fun(self, params: lomi.CreateCardCharge, opts?: lomi.CallOptions): lomi.CardCharge?, lomi.Error?, lomi.Reply?
--- Looks a card charge up. A GET: an error has no outcome.
---@field get_card_charge fun(self, id: string, opts?: lomi.CallOptions): lomi.CardCharge?, lomi.Error?, lomi.Reply?
--- Cancels a card charge that is not paid, or releases its hold.
---@field cancel_card_charge fun(self, id: string, opts?: lomi.CallOptions): lomi.CanceledCharge?, lomi.Error?, lomi.Reply?
--- Takes what a hold has blocked: all of it without an amount, else less, and the rest is released. Once only.
---@field capture_card_charge fun(self, id: string, params?: lomi.CaptureCardCharge, opts?: lomi.CallOptions): lomi.CardCharge?, lomi.Error?, lomi.Reply?
--- Raises a hold to a new total.
---@field increment_card_hold fun(self, id: string, params: lomi.IncrementCardHold, opts?: lomi.CallOptions): lomi.CardCharge?, lomi.Error?, lomi.Reply?
--- Creates a Wave charge; the payer goes to its `checkout_url`.
---@field create_wave_charge fun(self, params: lomi.CreateWaveCharge, opts?: lomi.ScenarioOptions): lomi.MobileCharge?, lomi.Error?, lomi.Reply?
--- Creates an MTN Mobile Money charge.
---@field create_mtn_charge fun(self, params: lomi.CreateMtnCharge, opts?: lomi.ScenarioOptions): lomi.MobileCharge?, lomi.Error?, lomi.Reply?

---@class lomi.LineItem
---@field price_id string  `price_…` or a UUID
---@field quantity? integer  1 or more (1)
---@field metadata? table<string, any>

---@class lomi.SessionTransfer
---@field destination string  `acct_…`
---@field amount? integer  minor units

---@class lomi.CreateCheckoutSession
---@field amount? integer  minor units; 10000 is 10 000 F CFA, or 100.00 USD or EUR
---@field currency_code? "XOF"|"USD"|"EUR"  default: the organization's
---@field title? string
---@field description? string
---@field customer_id? string
---@field customer_email? string  prefills the page, as do the next ones
---@field customer_name? string
---@field customer_phone? string
---@field customer_city? string
---@field customer_country? string
---@field customer_address? string
---@field customer_postal_code? string
---@field product_id? string  a UUID or `prod_…`; the amount comes from its default price
---@field price_id? string  a UUID or `price_…`; the amount comes from it
---@field subscription_id? string
---@field payment_link_id? string
---@field quantity? integer  1 or more (1)
---@field fields? table[]  overrides `require_*`: items with `key`, `scope`, `type`, `visibility`, `order`
---@field line_items? lomi.LineItem[]  a cart: `product_id`, `price_id` and `quantity` are ignored
---@field integration_source? string  such as `woocommerce`
---@field application_fee_amount? integer  minor units; for network operators
---@field transfer_data? lomi.SessionTransfer
---@field transfer_group? string

---@class lomi.ListCheckoutSessions
---@field status? "open"|"completed"|"expired"

---@class lomi.CheckoutSessions
--- Creates a checkout session. The payment sends webhooks; the session itself sends none.
---@field create fun(self, params: lomi.CreateCheckoutSession, opts?: lomi.CallOptions): lomi.CheckoutSession?, lomi.Error?, lomi.Reply?
--- One page of sessions.
---@field list fun(self, query?: lomi.ListCheckoutSessions, opts?: lomi.CallOptions): lomi.Page<lomi.CheckoutSession>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListCheckoutSessions, opts?: lomi.CallOptions): fun(): lomi.CheckoutSession|false|nil, lomi.Error?
--- Looks a session up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.CheckoutSession?, lomi.Error?, lomi.Reply?

---@class lomi.CouponFields
---@field discount_percentage? number  of percentage
---@field discount_fixed_amount? integer  minor units; of fixed
---@field customer_type? string  such as `all` or `new` (all)
---@field usage_frequency_limit? string  such as `total` or `per_customer` (total)
---@field usage_limit_value? number  if the limit is not `total`
---@field description? string
---@field is_active? boolean  (true)
---@field max_uses? integer
---@field max_quantity_per_use? integer
---@field valid_from? string  ISO 8601
---@field expires_at? string  ISO 8601
---@field product_ids? string[]  with a specific scope

---@class lomi.CreateCoupon
---@field code string  made upper case
---@field discount_type "percentage"|"fixed"
---@field scope_type? "organization_wide"|"specific_products"|"specific_prices"  (organization_wide)

---@class lomi.Coupons
--- Creates a coupon; a code that is taken is refused.
---@field create fun(self, params: lomi.CreateCoupon, opts?: lomi.CallOptions): lomi.Coupon?, lomi.Error?, lomi.Reply?
--- All coupons.
---@field list fun(self, opts?: lomi.CallOptions): lomi.Page<lomi.Coupon>?, lomi.Error?, lomi.Reply?
--- Looks a coupon up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Coupon?, lomi.Error?, lomi.Reply?
--- Removes a coupon. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- How often a coupon was used, and what it cost.
---@field performance fun(self, id: string, opts?: lomi.CallOptions): lomi.CouponPerformance?, lomi.Error?, lomi.Reply?

---@class lomi.CustomerFields
---@field email? string
---@field phone_number? string
---@field whatsapp_number? string
---@field country? string
---@field city? string
---@field address? string
---@field postal_code? string
---@field is_business? boolean
---@field metadata? table<string, any>  no list at the top

---@class lomi.CreateCustomer
---@field name string

---@class lomi.UpdateCustomer
---@field name? string

---@class lomi.ListCustomers
---@field search? string  in names and emails
---@field type? "business"|"individual"|"all"
---@field status? "active"|"inactive"|"all"  with or without a transaction

---@class lomi.TopCustomers
---@field limit? integer

---@class lomi.CustomerPortal
---@field return_url? string
---@field flow_type? "portal_home"|"subscription_cancel"|"subscription_manage"
---@field flow_subscription_id? string
---@field flow_after_completion_url? string

---@class lomi.CustomerPortalAudit
---@field eventType? string
---@field page? integer  (1)
---@field pageSize? integer  (50)

---@class lomi.Customers
--- Creates a customer.
---@field create fun(self, params: lomi.CreateCustomer, opts?: lomi.CallOptions): lomi.Customer?, lomi.Error?, lomi.Reply?
--- One page of customers.
---@field list fun(self, query?: lomi.ListCustomers, opts?: lomi.CallOptions): lomi.Page<lomi.Customer>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListCustomers, opts?: lomi.CallOptions): fun(): lomi.Customer|false|nil, lomi.Error?
--- The customers who spent most: `public_id`, `name`, `total_spend`, `transaction_count`, …
---@field top fun(self, query?: lomi.TopCustomers, opts?: lomi.CallOptions): lomi.Page<table>?, lomi.Error?, lomi.Reply?
--- Looks a customer up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Customer?, lomi.Error?, lomi.Reply?
--- Changes a customer. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateCustomer, opts?: lomi.CallOptions): lomi.Customer?, lomi.Error?, lomi.Reply?
--- Takes a customer out of lists and reads. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- The transactions of a customer.
---@field transactions fun(self, id: string, opts?: lomi.CallOptions): lomi.Page<lomi.TransactionRecord>?, lomi.Error?, lomi.Reply?
--- The subscriptions of a customer.
---@field subscriptions fun(self, id: string, opts?: lomi.CallOptions): lomi.Page<lomi.Subscription>?, lomi.Error?, lomi.Reply?
--- Blocks a customer's phone, email and cards.
---@field block fun(self, id: string, opts?: lomi.CallOptions): lomi.BlockedCustomer?, lomi.Error?, lomi.Reply?
--- Ends a block.
---@field unblock fun(self, id: string, opts?: lomi.CallOptions): lomi.BlockedCustomer?, lomi.Error?, lomi.Reply?
--- Makes a link to the customer's own page.
---@field portal fun(self, id: string, params?: lomi.CustomerPortal, opts?: lomi.CallOptions): lomi.PortalLink?, lomi.Error?, lomi.Reply?
--- The events of the customer's own page: `events`, `pagination`.
---@field portal_audit fun(self, id: string, query?: lomi.CustomerPortalAudit, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@class lomi.DisputeEvidence
---@field customer_name? string
---@field uncategorized_text? string
---@field files? table<string, any>

---@class lomi.ListDisputes
---@field status? string  `pending`, `resolved` or `closed`

---@class lomi.Disputes
--- One page of disputes.
---@field list fun(self, query?: lomi.ListDisputes, opts?: lomi.CallOptions): lomi.Page<lomi.Dispute>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListDisputes, opts?: lomi.CallOptions): fun(): lomi.Dispute|false|nil, lomi.Error?
--- Looks a dispute up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Dispute?, lomi.Error?, lomi.Reply?
--- Hands in evidence.
---@field evidence fun(self, id: string, params?: lomi.DisputeEvidence, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@class lomi.CreateInvoice
---@field customer_id string
---@field amount integer  minor units
---@field currency_code "XOF"|"USD"|"EUR"
---@field due_date? string  YYYY-MM-DD
---@field origin? "manual"|"one_time_product"|"recurring_subscription"|"usage_billing"|"failed_renewal"
---@field invoice_number? string
---@field description? string
---@field product_id? string
---@field price_id? string
---@field subscription_id? string
---@field line_items? table[]  with `name`, `description`, `quantity`, `price`, `product_id`, `price_id`
---@field customer_details? table<string, any>
---@field payment_details? table<string, any>
---@field template? table<string, any>
---@field metadata? table<string, any>

---@class lomi.UpdateInvoice
---@field due_date? string  YYYY-MM-DD
---@field status? "draft"|"sent"|"paid"|"overdue"|"cancelled"
---@field description? string
---@field amount? integer  minor units
---@field amount_due? integer  minor units
---@field line_items? table[]
---@field customer_id? string
---@field product_id? string
---@field price_id? string
---@field subscription_id? string
---@field metadata? table<string, any>

---@class lomi.ListInvoices
---@field status? string  `draft`, `sent`, `paid`, `overdue` or `cancelled`
---@field customerId? string
---@field search? string

---@class lomi.Invoices
--- Creates a draft.
---@field create fun(self, params: lomi.CreateInvoice, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- One page of invoices.
---@field list fun(self, query?: lomi.ListInvoices, opts?: lomi.CallOptions): lomi.Page<lomi.Invoice>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListInvoices, opts?: lomi.CallOptions): fun(): lomi.Invoice|false|nil, lomi.Error?
--- Looks an invoice up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Changes an invoice. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateInvoice, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- The invoice, as a link to a PDF.
---@field pdf fun(self, id: string, opts?: lomi.CallOptions): lomi.Document?, lomi.Error?, lomi.Reply?
--- Ends the draft and makes its payment session; sends no e-mail.
---@field finalize fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Finalizes the invoice and e-mails it to the customer.
---@field send fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Reminds the customer of an invoice that is sent or overdue.
---@field remind fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Cancels an invoice that is not paid.
---@field void fun(self, id: string, opts?: lomi.CallOptions): lomi.Invoice?, lomi.Error?, lomi.Reply?
--- Makes the session that pays the invoice, or gives the one there is.
---@field checkout_session fun(self, id: string, opts?: lomi.CallOptions): lomi.CheckoutSession?, lomi.Error?, lomi.Reply?

---@class lomi.CreatePaymentLink
---@field link_type "product"|"instant"  `instant` takes an amount, `product` a product
---@field title string
---@field currency_code "XOF"|"USD"|"EUR"
---@field amount? integer  minor units; for instant links
---@field product_id? string  for product links
---@field price_id? string
---@field description? string
---@field fields? table[]  overrides `require_*`: items with `key`, `scope`, `type`, `visibility`, `order`
---@field expires_at? string  ISO 8601

---@class lomi.UpdatePaymentLink
---@field title? string
---@field description? string
---@field amount? integer  minor units; of instant links
---@field is_active? boolean
---@field expires_at? string  ISO 8601

---@class lomi.ListPaymentLinks
---@field linkType? "product"|"instant"
---@field isActive? boolean

---@class lomi.PaymentLinks
--- Creates a payment link.
---@field create fun(self, params: lomi.CreatePaymentLink, opts?: lomi.CallOptions): lomi.PaymentLink?, lomi.Error?, lomi.Reply?
--- One page of payment links.
---@field list fun(self, query?: lomi.ListPaymentLinks, opts?: lomi.CallOptions): lomi.Page<lomi.PaymentLink>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListPaymentLinks, opts?: lomi.CallOptions): fun(): lomi.PaymentLink|false|nil, lomi.Error?
--- Looks a payment link up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.PaymentLink?, lomi.Error?, lomi.Reply?
--- Changes a payment link. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdatePaymentLink, opts?: lomi.CallOptions): lomi.PaymentLink?, lomi.Error?, lomi.Reply?
--- Deactivates a payment link. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@class lomi.CreatePaymentRequest
---@field amount integer  minor units
---@field currency_code "XOF"|"USD"|"EUR"
---@field expiry_date string  ISO 8601
---@field description? string
---@field payment_reference? string
---@field customer_id? string
---@field metadata? table<string, any>
---@field channel? "spi"

---@class lomi.ListPaymentRequests
---@field status? "pending"|"completed"|"failed"|"expired"
---@field customerId? string

---@class lomi.PaymentRequests
--- Creates a payment request.
---@field create fun(self, params: lomi.CreatePaymentRequest, opts?: lomi.CallOptions): lomi.PaymentRequest?, lomi.Error?, lomi.Reply?
--- One page of payment requests.
---@field list fun(self, query?: lomi.ListPaymentRequests, opts?: lomi.CallOptions): lomi.Page<lomi.PaymentRequest>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListPaymentRequests, opts?: lomi.CallOptions): fun(): lomi.PaymentRequest|false|nil, lomi.Error?
--- Looks a payment request up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.PaymentRequest?, lomi.Error?, lomi.Reply?

---@class lomi.CreatePayoutMethod
---@field account_name string
---@field account_number string  a phone or an account number
---@field bank_name? string
---@field country? string  (SN)
---@field bank_code? string
---@field branch_code? string
---@field payout_method_type? "spi"|"bank"|"mobile_money"
---@field is_default? boolean

---@class lomi.PayoutMethods
--- All payout methods.
---@field list fun(self, opts?: lomi.CallOptions): lomi.Page<lomi.PayoutMethod>?, lomi.Error?, lomi.Reply?
--- Adds an account.
---@field create fun(self, params: lomi.CreatePayoutMethod, opts?: lomi.CallOptions): lomi.PayoutMethod?, lomi.Error?, lomi.Reply?

---@class lomi.Recipient
---@field name string
---@field phone string  E.164, like `+2250700000000`

---@class lomi.CreatePayout
---@field destination "self"|"beneficiary"
---@field rail "wave"|"mtn"|"bank"|"spi"|"stellar"
---@field amount integer  minor units; what arrives; the fee comes on top
---@field currency_code string  of the balance
---@field payout_method_id? string  to oneself; its type must fit the rail
---@field recipient? lomi.Recipient  of a beneficiary by Wave or MTN
---@field reason? string
---@field last_mile_rail? "wave"|"mtn"|"spi"|"bank"  stellar only (wave)
---@field metadata? table<string, any>
---@field confirmation_token? string  from the preview; `confirm` sends it

---@class lomi.ListPayouts
---@field status? string  `pending`, `processing`, `completed` or `failed`; several separated by commas

---@class lomi.Payouts
--- Asks for a payout: gives a preview, or the payout where the service executes at once.
---@field create fun(self, params: lomi.CreatePayout, opts?: lomi.CallOptions): lomi.Payout|lomi.Preview|nil, lomi.Error?, lomi.Reply?
--- Executes a payout that was previewed: the same body and idempotency key, with the preview's token.
---@field confirm fun(self, preview: lomi.Preview, opts?: lomi.CallOptions): lomi.Payout?, lomi.Error?, lomi.Reply?
--- One page of payouts.
---@field list fun(self, query?: lomi.ListPayouts, opts?: lomi.CallOptions): lomi.Page<lomi.Payout>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListPayouts, opts?: lomi.CallOptions): fun(): lomi.Payout|false|nil, lomi.Error?
--- Looks a payout up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Payout?, lomi.Error?, lomi.Reply?

---@class lomi.CreatePrice
---@field amount integer  minor units; of pay-what-you-want the suggested one
---@field currency_code "XOF"|"USD"|"EUR"
---@field billing_interval? "day"|"week"|"month"|"year"  of a recurring product: required
---@field included_units? number  of usage products
---@field pricing_model? "standard"|"pay_what_you_want"|"tiered"  (standard)
---@field minimum_amount? integer  minor units; of pay-what-you-want: required
---@field maximum_amount? integer  minor units
---@field is_default? boolean  (false)
---@field metadata? table<string, any>

---@class lomi.ProductFields
---@field description? string
---@field images? string[]  URLs
---@field is_active? boolean  (true)
---@field display_on_storefront? boolean  (true)
---@field metadata? table<string, any>  of recurring products also `subscription_length` and `fixed_charges`

---@class lomi.CreateProduct
---@field name string
---@field product_type "one_time"|"recurring"|"usage_based"  cannot change later
---@field prices lomi.CreatePrice[]
---@field fee_type_ids? string[]
---@field failed_payment_action? "pause"|"cancel"|"continue"  of recurring products
---@field charge_day? integer  of recurring products
---@field first_payment_type? "initial"|"non_initial"|"prorated"  (initial)
---@field trial_enabled? boolean  (false)
---@field trial_period_days? integer  with a trial: required
---@field usage_aggregation? "sum"|"max"|"last_during_period"|"last_ever"  of usage products, as are the next two
---@field usage_unit? string
---@field meter_code? string

---@class lomi.UpdateProduct
---@field name? string
---@field sku? string
---@field inventory_quantity? integer
---@field track_inventory? boolean
---@field continue_selling_when_out_of_stock? boolean
---@field fee_type_ids? string[]

---@class lomi.PriceUpdate
---@field price_id? string
---@field product_id? string
---@field amount integer  minor units
---@field currency_code? "XOF"|"USD"|"EUR"

---@class lomi.UpdatePrices
---@field updates lomi.PriceUpdate[]
---@field idempotency_key? string

---@class lomi.ListProducts
---@field isActive? boolean

---@class lomi.Products
--- Creates a product with its prices.
---@field create fun(self, params: lomi.CreateProduct, opts?: lomi.CallOptions): lomi.Product?, lomi.Error?, lomi.Reply?
--- One page of products.
---@field list fun(self, query?: lomi.ListProducts, opts?: lomi.CallOptions): lomi.Page<lomi.Product>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListProducts, opts?: lomi.CallOptions): fun(): lomi.Product|false|nil, lomi.Error?
--- Looks a product up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Product?, lomi.Error?, lomi.Reply?
--- Changes a product. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateProduct, opts?: lomi.CallOptions): lomi.Product?, lomi.Error?, lomi.Reply?
--- Archives a product. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- Adds a price to a product.
---@field prices fun(self, id: string, params: lomi.CreatePrice, opts?: lomi.CallOptions): lomi.Price?, lomi.Error?, lomi.Reply?
--- Makes a price the product's default.
---@field default fun(self, id: string, price_id: string, opts?: lomi.CallOptions): lomi.Product?, lomi.Error?, lomi.Reply?
--- Changes several prices at once; those that were used in a checkout stay as they are.
---@field batch fun(self, params: lomi.UpdatePrices, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@class lomi.ListProviders
---@field provider_code? "CARD"|"WAVE"|"MTN"|"SPI"

---@class lomi.Providers
--- All providers.
---@field list fun(self, query?: lomi.ListProviders, opts?: lomi.CallOptions): lomi.Page<lomi.Provider>?, lomi.Error?, lomi.Reply?

---@class lomi.CreateRefund
---@field transaction_id string  a completed one, paid by card, Wave or MTN
---@field amount integer  minor units; of the transaction's currency, at most what it was paid with
---@field reason? string
---@field refund_type? "full"|"partial"  default: full if the amount is all of it
---@field subscription_action? "default"|"cancel"|"pause"|"none"  of the subscription behind it, after a full refund
---@field confirmation_token? string  from the preview; `confirm` sends it
---@field reverse_transfer? boolean  network only (true)
---@field refund_application_fee? boolean  network only (true)

---@class lomi.ListRefunds
---@field status? string  `pending`, `completed` or `failed`

---@class lomi.Refunds
--- Asks for a refund: gives a preview, or the refund where the service executes at once.
---@field create fun(self, params: lomi.CreateRefund, opts?: lomi.CallOptions): lomi.Refund|lomi.Preview|nil, lomi.Error?, lomi.Reply?
--- Executes a refund that was previewed: the same body and idempotency key, with the preview's token.
---@field confirm fun(self, preview: lomi.Preview, opts?: lomi.CallOptions): lomi.Refund?, lomi.Error?, lomi.Reply?
--- One page of refunds.
---@field list fun(self, query?: lomi.ListRefunds, opts?: lomi.CallOptions): lomi.Page<lomi.Refund>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListRefunds, opts?: lomi.CallOptions): fun(): lomi.Refund|false|nil, lomi.Error?
--- Looks a refund up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Refund?, lomi.Error?, lomi.Reply?

---@class lomi.InstantSettlement
---@field mode "advance"|"rail"
---@field amount integer  minor units
---@field currency_code string
---@field payout_id? string  of `rail`
---@field confirmation_token? string  from the preview; `confirm` sends it

---@class lomi.ListSettlements
---@field currency? string
---@field start_date? string  ISO 8601; inclusive
---@field end_date? string  ISO 8601; inclusive

---@class lomi.Settlements
--- One page of settlements.
---@field list fun(self, query?: lomi.ListSettlements, opts?: lomi.CallOptions): lomi.Page<lomi.Settlement>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListSettlements, opts?: lomi.CallOptions): fun(): lomi.Settlement|false|nil, lomi.Error?
--- One page of the transactions of a settlement, such as `XOF:2026-06-01`.
---@field transactions fun(self, id: string, query?: lomi.PageQuery, opts?: lomi.CallOptions): lomi.Page<lomi.SettledTransaction>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each_transactions fun(self, id: string, query?: lomi.PageQuery, opts?: lomi.CallOptions): fun(): lomi.SettledTransaction|false|nil, lomi.Error?
--- Asks for an instant settlement: gives a preview, or the settlement where the service executes at once.
---@field instant fun(self, params: lomi.InstantSettlement, opts?: lomi.CallOptions): lomi.InstantSettlementResult|lomi.Preview|nil, lomi.Error?, lomi.Reply?
--- Executes an instant settlement that was previewed: the same body and idempotency key, with the preview's token.
---@field confirm fun(self, preview: lomi.Preview, opts?: lomi.CallOptions): lomi.InstantSettlementResult?, lomi.Error?, lomi.Reply?
--- Looks an instant settlement up.
---@field get_instant fun(self, id: string, opts?: lomi.CallOptions): lomi.InstantSettlementResult?, lomi.Error?, lomi.Reply?

---@class lomi.UpdateSubscription
---@field status? string  such as `paused` or `active`
---@field start_date? string  YYYY-MM-DD
---@field end_date? string  YYYY-MM-DD
---@field next_billing_date? string  YYYY-MM-DD
---@field metadata? table<string, any>

---@class lomi.CancelSubscription
---@field cancel_at_period_end? boolean  false: now (false)
---@field cancellation_reason? string

---@class lomi.ChangePlan
---@field price_id string

---@class lomi.ListSubscriptions
---@field status? string  `pending`, `active`, `past_due`, `cancelled`, `trial`, `paused` or `expired`
---@field customer_id? string

---@class lomi.Subscriptions
--- One page of subscriptions.
---@field list fun(self, query?: lomi.ListSubscriptions, opts?: lomi.CallOptions): lomi.Page<lomi.Subscription>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListSubscriptions, opts?: lomi.CallOptions): fun(): lomi.Subscription|false|nil, lomi.Error?
--- Looks a subscription up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- Changes a subscription. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateSubscription, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- Cancels a subscription, now or at the end of its period.
---@field cancel fun(self, id: string, params?: lomi.CancelSubscription, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- Takes a planned cancellation back.
---@field resume fun(self, id: string, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- Moves an active subscription to another price.
---@field change_plan fun(self, id: string, params: lomi.ChangePlan, opts?: lomi.CallOptions): lomi.Subscription?, lomi.Error?, lomi.Reply?
--- The usage of this period.
---@field usage fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?

---@class lomi.ListTransactions
---@field provider? string  one code, such as `WAVE`
---@field status? string  one or more, separated by commas: `completed,refunded`
---@field type? string  likewise: `payment`, `instalment`, `refund`, `payout`
---@field currency? string  likewise
---@field paymentMethod? string  likewise: `CARDS`, `MOBILE_MONEY`, …
---@field isPos? boolean

---@class lomi.Transactions
--- One page of transactions.
---@field list fun(self, query?: lomi.ListTransactions, opts?: lomi.CallOptions): lomi.Page<lomi.TransactionRecord>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each fun(self, query?: lomi.ListTransactions, opts?: lomi.CallOptions): fun(): lomi.TransactionRecord|false|nil, lomi.Error?
--- Looks a transaction up, by its UUID or `txn_…`.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.TransactionRecord?, lomi.Error?, lomi.Reply?
--- The receipt of a transaction, as a link to a PDF.
---@field receipt fun(self, id: string, opts?: lomi.CallOptions): lomi.Document?, lomi.Error?, lomi.Reply?

---@class lomi.CreateWebhook
---@field url string  https; a sandbox also takes http on a loopback host
---@field events string[]  such as `PAYMENT_SUCCEEDED`
---@field description? string
---@field metadata? table<string, any>

---@class lomi.UpdateWebhook
---@field url? string  https; a sandbox also takes http on a loopback host
---@field is_active? boolean
---@field authorized_events? string[]
---@field metadata? table<string, any>

---@class lomi.ListWebhookDeliveries
---@field webhookId string
---@field successOnly? boolean  (false)
---@field failedOnly? boolean  (false)
---@field limit? integer  (25)
---@field offset? integer  (0)

---@class lomi.WebhookEndpoints
--- Registers an endpoint. The reply holds its secret: the only time it is shown.
---@field create fun(self, params: lomi.CreateWebhook, opts?: lomi.CallOptions): lomi.WebhookEndpoint?, lomi.Error?, lomi.Reply?
--- All endpoints.
---@field list fun(self, opts?: lomi.CallOptions): lomi.Page<lomi.WebhookEndpoint>?, lomi.Error?, lomi.Reply?
--- Looks an endpoint up.
---@field get fun(self, id: string, opts?: lomi.CallOptions): lomi.WebhookEndpoint?, lomi.Error?, lomi.Reply?
--- Changes an endpoint. Sent once, unless `opts.idempotency_key` is given.
---@field update fun(self, id: string, params: lomi.UpdateWebhook, opts?: lomi.CallOptions): lomi.WebhookEndpoint?, lomi.Error?, lomi.Reply?
--- Removes an endpoint. Sent once, unless `opts.idempotency_key` is given.
---@field delete fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- Sends a test event to an endpoint; an endpoint that does not answer 2xx is an error.
---@field test fun(self, id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
--- One page of the attempts to deliver to an endpoint.
---@field deliveries fun(self, query: lomi.ListWebhookDeliveries, opts?: lomi.CallOptions): lomi.Page<lomi.WebhookDelivery>?, lomi.Error?, lomi.Reply?
--- The same over all pages, one item a round: see `lomi.Page`.
---@field each_deliveries fun(self, query: lomi.ListWebhookDeliveries, opts?: lomi.CallOptions): fun(): lomi.WebhookDelivery|false|nil, lomi.Error?
--- Looks an attempt to deliver up.
---@field get_delivery fun(self, id: string, opts?: lomi.CallOptions): lomi.WebhookDelivery?, lomi.Error?, lomi.Reply?
--- Delivers an event again.
---@field retry fun(self, id: string, delivery_id: string, opts?: lomi.CallOptions): table?, lomi.Error?, lomi.Reply?
