// Package awsconn connects to AWS accounts: credentials, roles in member accounts, single calls
// and what their errors mean.
//
// Every call goes through a [call.Caller] and is metered; the SDK's own retries are off. A
// response is handed to the SDK only when it is whole, of a sane size and of the kind that AWS
// sends: the SDK's decoders take an empty body, a cut XML document or the page of a captive
// portal for an answer in which every list is empty, which would be an absence that nobody proved.
//
// Requests are dated by AWS's clock, as its responses tell it: a machine whose clock is off is
// refused once, not for ever.
package awsconn
