package fact_test

import (
	"fmt"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/query"
)

// ruleFinding is a finding of a custom detection rule.
const ruleFinding = `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","id":"0123456789abcdef0123456789abcdef","type":"%s","severity":5,
"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z","resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"ASIAEXAMPLE00000001","principalId":"AROAEXAMPLE:aoi@example.co.jp","userType":"AssumedRole","userName":"Reader"}},
"service":{"count":1,"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:00:00Z","action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"%s","serviceName":"%s.amazonaws.com"}}}}`

var ruleColumns = append(append([]string{}, settingColumns...), "raw:responseElements")

func ruleRow(at time.Duration, api, params, made, who string) evidence.Row {
	return append(setting(at, api, params, who), text(made))
}

const (
	openSSH  = `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}`
	openWeb  = `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":443,"toPort":443,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}`
	otherSSH = `{"groupId":"sg-2","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}`
	officeIn = `{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"203.0.113.0/24"}]}}]}}`
	madeRule = `{"securityGroupRuleSet":{"items":[{"securityGroupRuleId":"sgr-1"}]}}`
	ssh      = "Persistence:EC2/ExternalRemoteServices"
)

var (
	ruleFacts     = []string{"change.matches", "change.by_others", "change.actor", "change.target", "change.lets_in"}
	reversalFacts = []string{"change.reverted", "change.reverted_at", "change.reverted_by", "change.reverted_own"}
)

// A change is undone by another call on the same thing, with what it let in, later, and successfully.
func TestChangesAreHeldAgainstWhatUndoesThem(t *testing.T) {
	for name, c := range map[string]struct {
		of, service string
		event       evidence.Row
		later       []evidence.Row
		whole       bool
		want        map[fact.Key]string
	}{
		"a port, revoked by a guard": {
			ssh, "ec2", ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, requester),
			[]evidence.Row{setting(time.Minute, "RevokeSecurityGroupIngress", openSSH, "guard")},
			true,
			map[fact.Key]string{"change.matches": "1", "change.by_others": "0", "change.target": "sg-1", "change.lets_in": "0.0.0.0/0", "change.reverted": "1", "change.reverted_by": "guard", "change.reverted_own": "0", "change.reverted_at": "2025-09-09T04:01:00Z", "change.actor": requester},
		},
		"another port":            {ssh, "ec2", ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, requester), []evidence.Row{setting(time.Minute, "RevokeSecurityGroupIngress", openWeb, "guard")}, true, map[fact.Key]string{"change.reverted": "0", "change.reverted_by": "-"}},
		"another group":           {ssh, "ec2", ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, requester), []evidence.Row{setting(time.Minute, "RevokeSecurityGroupIngress", otherSSH, "guard")}, true, map[fact.Key]string{"change.reverted": "0"}},
		"by the rule's id":        {ssh, "ec2", ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, requester), []evidence.Row{setting(time.Minute, "RevokeSecurityGroupIngress", `{"groupId":"sg-1","securityGroupRuleIds":{"securityGroupRuleId":"sgr-1"}}`, requester)}, true, map[fact.Key]string{"change.reverted": "1", "change.reverted_own": "1"}},
		"by the id of another":    {ssh, "ec2", ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, requester), []evidence.Row{setting(time.Minute, "RevokeSecurityGroupIngress", `{"groupId":"sg-1","securityGroupRuleIds":{"securityGroupRuleId":"sgr-2"}}`, requester)}, true, map[fact.Key]string{"change.reverted": "0"}},
		"revoked before":          {ssh, "ec2", ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, requester), []evidence.Row{setting(-time.Minute, "RevokeSecurityGroupIngress", openSSH, "guard")}, true, map[fact.Key]string{"change.reverted": "0"}},
		"not seen in full":        {ssh, "ec2", ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, requester), nil, false, map[fact.Key]string{"change.reverted": "?"}},
		"not what the rule means": {ssh, "ec2", ruleRow(0, "AuthorizeSecurityGroupIngress", officeIn, madeRule, requester), nil, true, map[fact.Key]string{"change.matches": "0", "change.target": "-", "change.reverted": "-"}},
		"by somebody else":        {ssh, "ec2", ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, "other"), nil, true, map[fact.Key]string{"change.matches": "1", "change.by_others": "1", "change.actor": "other", "change.reverted": "0"}},
		"a snapshot, unshared": {
			"Exfiltration:EC2/TransferDataToCloudAccount", "ec2", ruleRow(0, "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"999988887777"}]}}}`, "", requester),
			[]evidence.Row{setting(time.Minute, "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"999988887777"}]}}}`, "x"), setting(2*time.Minute, "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"remove":{"items":[{"userId":"999988887777"}]}}}`, "y")},
			true,
			map[fact.Key]string{"change.lets_in": "999988887777", "change.reverted_by": "y"},
		},
		"a key, switched off": {
			"Persistence:IAM/AccountManipulation", "iam", ruleRow(0, "CreateAccessKey", `{"userName":"backup"}`, `{"accessKey":{"accessKeyId":"AKIAEXAMPLE00000002"}}`, requester),
			[]evidence.Row{setting(time.Minute, "UpdateAccessKey", `{"userName":"backup","accessKeyId":"AKIAEXAMPLE00000002","status":"Active"}`, "x"), setting(2*time.Minute, "DeleteAccessKey", `{"userName":"backup","accessKeyId":"AKIAEXAMPLE00000001"}`, "y"), setting(3*time.Minute, "UpdateAccessKey", `{"userName":"backup","accessKeyId":"AKIAEXAMPLE00000002","status":"Inactive"}`, "z")},
			true,
			map[fact.Key]string{"change.reverted_by": "z", "change.target": "backup"},
		},
		"an expiry, removed": {
			"Impact:S3/DataDestruction", "s3", ruleRow(0, "PutBucketLifecycle", `{"bucketName":"b","LifecycleConfiguration":{"Rule":{"Status":"Enabled","Expiration":{"Days":1}}}}`, "", requester),
			[]evidence.Row{setting(time.Minute, "PutBucketLifecycle", `{"bucketName":"b","LifecycleConfiguration":{"Rule":{"Status":"Enabled","Expiration":{"Days":365}}}}`, "x")},
			true,
			map[fact.Key]string{"change.target": "b", "change.reverted_by": "x"},
		},
		"a password read cannot be undone": {"CredentialAccess:EC2/UnsecuredCredentials", "ec2", ruleRow(0, "GetPasswordData", `{"instanceId":"i-1"}`, "", requester), nil, true, map[fact.Key]string{"change.target": "i-1", "change.reverted": "-"}},
		"a function opened to everyone":    {"Persistence:Lambda/AccountManipulation", "lambda", ruleRow(0, "AddPermission", `{"functionName":"f","principal":"*"}`, "", requester), []evidence.Row{setting(time.Minute, "RemovePermission20150331v2", `{"functionName":"f"}`, "x")}, true, map[fact.Key]string{"change.lets_in": "everyone", "change.reverted_by": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := parsed(t, fmt.Sprintf(ruleFinding, c.of, c.event[1].Text(), c.service))
			from := whole
			if !c.whole {
				from = 12 * time.Hour
			}
			holdAll(t, derived(t, f, fact.Settings{},
				asked("E3", "cloudtrail_management", query.CloudTrail, whole, ruleFacts, ruleColumns, c.event),
				asked("E4", "cloudtrail_management", query.CloudTrail, from, reversalFacts, settingColumns, c.later...)), c.want)
		})
	}
}

// A rule's event is found although the finding names no call, and who made it is told.
func TestARulesEventIsFoundByItsCondition(t *testing.T) {
	f := parsed(t, `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","id":"0123456789abcdef0123456789abcdef","type":"`+ssh+`","severity":5,"createdAt":"2025-09-09T05:00:00Z","updatedAt":"2025-09-09T05:00:00Z","resource":{"resourceType":"AccessKey"},"service":{"eventFirstSeen":"2025-09-09T04:00:00Z","eventLastSeen":"2025-09-09T04:00:00Z"}}`)
	event := evidence.Item{ID: "E5", Kind: evidence.AnswerItem, Question: "event", Answers: []string{"event.recorded"}, Missing: []string{"event.api"}, Answer: evidence.Answer{Outcome: evidence.NotAsked}}
	holdAll(t, derived(t, f, fact.Settings{}, event, asked("E6", "cloudtrail_management", query.CloudTrail, whole, ruleFacts, ruleColumns, ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, requester))), map[fact.Key]string{
		"change.apis": "AuthorizeSecurityGroupIngress ModifySecurityGroupRules", "change.services": "ec2.amazonaws.com", "change.inverses": "DeleteSecurityGroup ModifySecurityGroupRules RevokeSecurityGroupIngress",
		"event.recorded": "1", "change.actor": requester, "change.risky": "1",
	})
	holdAll(t, derived(t, f, fact.Settings{}, event, asked("E6", "cloudtrail_management", query.CloudTrail, whole, ruleFacts, ruleColumns, ruleRow(0, "AuthorizeSecurityGroupIngress", officeIn, madeRule, requester))), map[fact.Key]string{"event.recorded": "?"})
}

// An announced change covers what it names, when it says, and nothing else.
func TestAnnouncedChanges(t *testing.T) {
	f := parsed(t, fmt.Sprintf(ruleFinding, ssh, "AuthorizeSecurityGroupIngress", "ec2"))
	rule := asked("E3", "cloudtrail_management", query.CloudTrail, whole, ruleFacts, ruleColumns, ruleRow(0, "AuthorizeSecurityGroupIngress", openSSH, madeRule, requester))
	fits := fact.Change{
		ID: "CHG-1", Approver: "board", From: seen.Add(-time.Hour), Until: seen.Add(time.Hour), Accounts: []string{"111122223333"},
		APIs: []string{"ec2:AuthorizeSecurityGroupIngress"}, Actors: []string{"Reader"}, Resources: []string{"sg-1"},
	}
	for name, c := range map[string]struct {
		spoil func(c *fact.Change)
		want  string
	}{
		"covered":              {func(*fact.Change) {}, "1"},
		"any actor and target": {func(c *fact.Change) { c.Actors, c.Resources, c.Accounts = nil, nil, nil }, "1"},
		"another account":      {func(c *fact.Change) { c.Accounts = []string{"222233334444"} }, "0"},
		"another call":         {func(c *fact.Change) { c.APIs = []string{"PutBucketLogging"} }, "0"},
		"another actor":        {func(c *fact.Change) { c.Actors = []string{"Writer"} }, "0"},
		"another target":       {func(c *fact.Change) { c.Resources = []string{"sg-2"} }, "0"},
		"later":                {func(c *fact.Change) { c.From = seen.Add(time.Second) }, "0"},
		"already over":         {func(c *fact.Change) { c.Until = seen }, "0"},
	} {
		change := fits
		c.spoil(&change)
		facts := derived(t, f, fact.Settings{Changes: []fact.Change{change}}, rule)
		holdAll(t, facts, map[fact.Key]string{"change.recorded": c.want, "change.confirmed": c.want})
		if got := shown(facts.Get("change.record", "")); (got == "CHG-1") != (c.want == "1") {
			t.Errorf("%s: the record is %s", name, got)
		}
	}
	// The person's word counts after a fresh sign-in only.
	for body, want := range map[string]string{`{"answer":"mine","step_up":true}`: "1", `{"answer":"mine","step_up":false}`: "0", `{"answer":"not_mine","step_up":true}`: "0"} {
		holdAll(t, derived(t, f, fact.Settings{}, rule, evidence.Item{ID: "E4", Kind: evidence.TestimonyItem, Body: []byte(body)}), map[fact.Key]string{"change.recorded": "0", "change.confirmed": want})
	}
}
