// Package awslookup looks up in AWS what a case is about, as it is now: accounts of the
// organisation, users and permission sets of IAM Identity Center, access keys, IAM users and roles,
// S3 buckets and EC2 instances.
//
// It reads settings only, never content. What a call refuses is said part by part, so that an
// empty list is told from one that could not be read. Keys come from logs and findings and are
// checked against the form that AWS gives them before any call: what has another form is nothing
// that AWS could know.
package awslookup
