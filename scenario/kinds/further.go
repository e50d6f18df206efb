package kinds

import (
	"fmt"
	"slices"
	"time"

	"uratori/finding"
)

// Further twins, which only some types have.
const (
	Logged          Twin = "logged"           // ours, with a poorer log in place of the one that decides
	LoggedMalicious Twin = "logged-malicious" // an attacker's, seen by the poorer log
	Recorded        Twin = "recorded"         // ours, and announced in the configuration
	Reverted        Twin = "reverted"         // an attacker's change that somebody took back
)

// accessLog is the kind of record of S3 server access logs.
const accessLog = "s3_access"

// A sequel is one more story of a type that has a plot.
type sequel struct {
	of      finding.Type
	twin    Twin
	hostile bool
	without []string    // kinds of record that are not there
	recount func(*tale) // what the logs hold beside what the plot tells; nil for nothing
	expect  Expect
}

// sequels are written like the plots: what is expected was reasoned before anything ran.
var sequels = []sequel{
	{
		of: "Exfiltration:S3/AnomalousBehavior", twin: Logged, without: []string{s3Data},
		expect: Expect{
			Verdicts: []string{"benign"}, AtMost: "Low", Confidence: "Medium", Seen: []string{accessLog},
			Because: "No trail records the objects, but the bucket's access log has the engineer's session read three of them from the address of her other calls, as on earlier days; that log may lack records, so the confidence is Medium at most.",
		},
	},
	{
		of: "Exfiltration:S3/AnomalousBehavior", twin: LoggedMalicious, hostile: true, without: []string{s3Data},
		expect: Expect{
			Verdicts: []string{"malicious"}, AtLeast: "High", Seen: []string{accessLog},
			Because: "The access log shows at least twelve hundred objects read from a new network, and CloudTrail the new key and the stopped trail.",
		},
	},
	{
		of: "Stealth:S3/ServerAccessLoggingDisabled", twin: Recorded,
		expect: Expect{
			Verdicts: []string{"benign"}, AtMost: "Low", Seen: []string{management},
			Because: "The log was switched off by the engineer's own session, whose chain is whole, within a change that was announced and approved for this call, account and actor.",
		},
	},
	{
		of: "Persistence:EC2/ExternalRemoteServices", twin: Recorded,
		expect: Expect{
			Verdicts: []string{"benign"}, AtMost: "Low", Seen: []string{management},
			Because: "The port was opened to the Internet within a change that was announced and approved: what it risks was weighed by the approver, and the chain is whole.",
		},
	},
	{
		of: "Persistence:EC2/ExternalRemoteServices", twin: Reverted, hostile: true, recount: (*tale).revoked,
		expect: Expect{
			Verdicts: []string{"malicious"}, AtLeast: "High", Seen: []string{management},
			Because: "A guard closed the port again within minutes; the key that the same session made and the trail that it stopped are as bad as before.",
		},
	},
	{
		of: "Policy:S3/BucketAnonymousAccessGranted", twin: Reverted, hostile: true, recount: (*tale).blocked,
		expect: Expect{
			Verdicts: []string{"malicious"}, AtLeast: "High", Seen: []string{management},
			Because: "A guard blocked public access within minutes; the key that the same session made and the trail that it stopped are as bad as before.",
		},
	},
}

// A Telling names a story.
type Telling struct {
	Of   finding.Type
	Twin Twin
}

// Further are the stories beyond the three twins that every plot has.
func Further() []Telling {
	var out []Telling
	for _, s := range sequels {
		out = append(out, Telling{s.of, s.twin})
	}
	return out
}

// further is the sequel of a type by a twin.
func further(of finding.Type, twin Twin) (sequel, bool) {
	i := slices.IndexFunc(sequels, func(s sequel) bool { return s.of == of && s.twin == twin })
	if i < 0 {
		return sequel{}, false
	}
	return sequels[i], true
}

// announcement is the part of a configuration that announces the finding's call.
func (c *cast) announcement() string {
	return fmt.Sprintf(`changes:
  - id: CHG-1042
    from: "%s"
    until: "%s"
    accounts: ["%s"]
    apis: [%s]
    actors: ["%s"]
    approver: change-board@example.co.jp
`, iso(c.at.Add(-time.Hour)), iso(c.at.Add(time.Hour)), c.account, c.call().api, c.upn)
}

// guard is a call of the role that puts settings back.
func (t *tale) guard(at time.Time, k call) {
	t.log(management).add(at, t.record(at, t.account, t.service("config-guard"), "192.0.2.70", "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5", k))
}

// revoked is the opened port closed again.
func (t *tale) revoked() {
	k := t.call()
	t.guard(t.after(4), call{k.service, "RevokeSecurityGroupIngress", k.params, false, ""})
}

// blocked is public access to the bucket blocked again.
func (t *tale) blocked() {
	t.guard(t.after(4), call{"s3.amazonaws.com", "PutBucketPublicAccessBlock", object{"bucketName": t.bucket, "PublicAccessBlockConfiguration": object{"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true}}, false, ""})
}

// bucketWrite is objects written: one, or everything anew with a key that only the writer holds.
func (t *tale) bucketWrite() {
	t.stored()
	t.running()
	t.session(t.call())
	t.by(t.at, t.call())
	if t.hostile {
		for i := range 400 {
			t.by(t.at.Add(time.Duration(2+i/3)*time.Second), call{"s3.amazonaws.com", "PutObject", object{
				"bucketName": t.bucket, "key": fmt.Sprintf("exports/2025/09/customers-%04d.csv", i+1), "x-amz-server-side-encryption-customer-algorithm": "AES256",
			}, false, ""})
		}
		t.by(t.after(4), call{"s3.amazonaws.com", "PutBucketLifecycle", object{"bucketName": t.bucket, "LifecycleConfiguration": object{"Rule": object{"ID": "all", "Status": "Enabled", "NoncurrentVersionExpiration": object{"NoncurrentDays": 1}}}}, false, ""})
	}
	t.attacked()
}
