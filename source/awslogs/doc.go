// Package awslogs asks AWS which of its logs are switched on: VPC flow logs, Resolver query logs,
// audit logs of EKS clusters and of databases, and server access logs of buckets.
//
// It holds no record. What it tells is coverage: that a log is off, by an answer that is whole and
// names none; never that records are complete because one is on. An answer that was refused,
// throttled or cut leaves the coverage unknown. Where a log goes to log groups of CloudWatch Logs it is
// asked how long these keep it: what is older may have been recorded and is past the retention, which is
// unknown and never "not collected". Settings tell of now: before the oldest log that is
// on was made another may have been, so that time is unknown too. The answers are handed to
// [source.Witness] in the form in which the AWS CLI prints them, which package coverage reads.
package awslogs
