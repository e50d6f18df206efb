package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/access"
	"uratori/evidence"
	"uratori/guardduty"
	"uratori/query"
	"uratori/source/athenatest"
	"uratori/source/awsconn"
	"uratori/source/awslogs"
	"uratori/source/awslookup"
	"uratori/source/awstest"
	"uratori/source/call"
	"uratori/source/cloudtrail"
)

// grantedFor are actions that no call of ours has the name of, each with its reason.
var grantedFor = map[string]string{
	"glue:GetDatabase": "Athena reads the table's description with the caller's permissions", "glue:GetTable": "the same",
	"glue:GetPartition": "the same", "glue:GetPartitions": "the same",
	"s3:GetObject": "Athena reads the files behind the table, and writes results, with the caller's permissions", "s3:ListBucket": "the same",
	"s3:PutObject": "the same", "s3:AbortMultipartUpload": "the same",
	"kms:Decrypt": "Athena decrypts those files with the caller's permissions", "kms:GenerateDataKey": "Athena encrypts results with the caller's permissions",
	"lakeformation:GetDataAccess": "Athena asks Lake Formation for the files with the caller's permissions",
}

// free are actions that every principal may call, or that are granted outside the features.
var free = map[string]string{
	"sts:GetCallerIdentity":         "needs no permission",
	"sts:AssumeRole":                "granted by the policy of the reader role itself, on member roles alone",
	"guardduty:CreateInvestigation": "writes; only a person asks for it, and no policy of ours grants it",
}

// actionOf is the IAM action of an operation: the same, but for those that IAM names otherwise
// (Service Authorization Reference, Amazon S3 and AWS IAM Identity Center).
func actionOf(c awstest.Call) string {
	if a := strings.TrimSuffix(c.Service, "-admin") + ":" + c.Operation; a != "s3:GetPublicAccessBlock" {
		return a
	}
	return "s3:GetBucketPublicAccessBlock"
}

// everything is the clinic in which there is something of every kind to be looked up.
func everything(t *testing.T) *clinic {
	t.Helper()
	c := well()
	at := c.now.AddDate(0, -1, 0)
	c.world = awstest.World{
		Accounts:  map[string]awstest.OrgAccount{member: {Name: "ml-sandbox", State: "ACTIVE", Parent: "ou-ab12-11111111", Joined: at, Tags: [][2]string{{"environment", "sandbox"}}}},
		Units:     map[string]awstest.OrgUnit{"ou-ab12-11111111": {Name: "Workloads", Parent: "r-ab12"}},
		Store:     "d-1234567890",
		Clusters:  []awstest.Cluster{{Account: member, Region: awstest.Region, Name: "orders", Logs: []string{"audit"}}},
		LogGroups: []awstest.LogGroup{{Account: member, Region: awstest.Region, Name: "/aws/eks/orders/cluster", Days: 7, Created: at}},
		Users:     map[string]awstest.StoreUser{"906747f1-3a0c-4f0e-9a51-1d1c2b3a4d5e": {UserName: "sato.kaede@example.co.jp", DisplayName: "佐藤 楓", Status: "ENABLED"}},
		PermissionSets: []awstest.PermissionSet{{
			ID: "ps-0000000000000001", Name: "Analyst", Duration: "PT4H", Provisioned: []string{member}, Assigned: []awstest.Assignment{{Account: member, Type: "USER", ID: "906747f1-3a0c-4f0e-9a51-1d1c2b3a4d5e"}},
		}},
		IAM: map[string]awstest.IAM{member: {
			Users:  map[string]awstest.IAMUser{"batch": {Created: at, Groups: []string{"ops"}, Keys: []awstest.AccessKey{{ID: "AKIAEXAMPLE000000009", Status: "Active", Created: at}}}},
			Roles:  map[string]awstest.IAMRole{"app": {Created: at}},
			Groups: map[string]awstest.Policies{"ops": {}},
		}},
		Buckets: map[string]awstest.Bucket{"example-ledger": {Account: member, Region: awstest.Region}},
		Instances: map[string]awstest.Instance{"i-0123456789abcdef0": {
			Account: member, Region: awstest.Region, State: "running", Type: "t3.micro", Launched: at, Groups: []awstest.SecurityGroup{{ID: "sg-0123456789abcdef0", Name: "web"}},
		}},
	}
	c.history = func(h *awstest.History) {
		h.AddStore(awstest.EventDataStore{
			Account: member, Region: awstest.Region, Name: "lake", Enabled: true, Created: at, Updated: at,
			Advanced: []any{map[string]any{"Name": "all", "FieldSelectors": []any{map[string]any{"Field": "eventCategory", "Equals": []any{"Management"}}}}},
		})
	}
	id := "0123456789abcdef0123456789abcdef"
	c.guard[0].Findings = []json.RawMessage{fmt.Appendf(nil, `{"schemaVersion":"2.0","accountId":%q,"region":"ap-northeast-1","partition":"aws","id":%q,"arn":"arn:aws:guardduty:ap-northeast-1:%s:detector/%s/finding/%s",
		"type":"Discovery:IAMUser/AnomalousBehavior","severity":5,"title":"t","description":"d","createdAt":"2025-09-09T04:29:43.000Z","updatedAt":"2025-09-09T04:29:43.000Z",
		"resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"AKIAEXAMPLE000000009","principalId":"AIDAEXAMPLE0000000002","userType":"IAMUser","userName":"batch"}},
		"service":{"serviceName":"guardduty","detectorId":%q,"archived":false,"count":1,"eventFirstSeen":"2025-09-09T04:20:05.000Z","eventLastSeen":"2025-09-09T04:20:05.000Z",
		"action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"DescribeInstances","serviceName":"ec2.amazonaws.com","callerType":"Remote IP","remoteIpDetails":{"ipAddressV4":"192.0.2.7"}}}}}`,
		member, id, awstest.Home, c.guard[0].Detector, id, c.guard[0].Detector)}
	c.guard[0].Investigations = []json.RawMessage{investigated(t, id, "COMPLETED", map[string]any{"eventName": "DescribeInstances"})}
	c.made = func(c *clinic, _ string) {
		c.aws.Keep(awstest.Secrets{Parameters: map[string]string{"/uratori/splunk": c.splunk.Token}, Values: map[string]string{"uratori/entra": `{"secret":"` + c.entra.Secret() + `"}`}})
	}
	c.edit = func(text string) string {
		return strings.NewReplacer(
			"look_up: [account, iam_principal, bucket, instance]", "look_up: [account, identity_store_user, access_key, iam_principal, permission_set, bucket, instance, guardduty_investigation], logs: [vpc_flow, dns, eks_audit, rds_audit, s3_access], identity_store: {id: d-1234567890}",
			"token: env:TEST_SPLUNK_TOKEN", "token: ssm:/uratori/splunk", `client_secret: "env:TEST_ENTRA_SECRET"`, `client_secret: "awssm:uratori/entra#secret"`,
		).Replace(text) + "order: {cloudtrail: [athena, cloudtrail-api, splunk-prod], signin: [entra]}\n"
	}
	return c
}

// What real flows call is what iam grants for the features in use, and nothing is granted that no
// flow calls, but for what is done on our behalf.
func TestWhatIsCalledIsWhatIsGranted(t *testing.T) {
	c := everything(t)
	file := c.open(t)
	dir := filepath.Dir(file)
	run := func(args ...string) {
		t.Helper()
		var out bytes.Buffer
		a := &app{in: strings.NewReader(""), out: &out, err: &out, getenv: os.Getenv, now: func() time.Time { return c.now }}
		if status := a.command(t.Context(), append(args, "--config", file)); status != exitOK {
			t.Fatalf("%v: exit status %d\n%s", args, status, out.String())
		}
	}
	id := "0123456789abcdef0123456789abcdef"
	run("doctor", "--lang", "en")
	run("findings", "list")
	run("investigate", id, "--region", awstest.Region, "-o", filepath.Join(dir, "case"))
	run("findings", "claims", filepath.Join(dir, "case"), "--id", "0123abcd-0000-4000-8000-000000000000")
	conf, err := loadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	// What that finding has not: the things are looked up as the configuration wires it, and a query
	// that nobody waits for any more is stopped.
	a := &app{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &bytes.Buffer{}, getenv: os.Getenv, now: func() time.Time { return c.now }}
	o, err := a.open(t.Context(), conf, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	defer a.close(o)
	for _, what := range []evidence.Lookup{
		{Kind: evidence.LookUser, Key: "906747f1-3a0c-4f0e-9a51-1d1c2b3a4d5e"},
		{Kind: evidence.LookUser, Key: "sato.kaede@example.co.jp"},
		{Kind: evidence.LookPrincipal, Key: "arn:aws:iam::" + member + ":role/app", Account: member},
		{Kind: evidence.LookPrincipal, Key: "arn:aws:iam::" + member + ":user/batch", Account: member},
		{Kind: evidence.LookPermissionSet, Key: "Analyst", Account: member},
		{Kind: evidence.LookBucket, Key: "example-ledger", Account: member, Region: awstest.Region},
		{Kind: evidence.LookInstance, Key: "i-0123456789abcdef0", Account: member, Region: awstest.Region},
	} {
		for _, l := range o.lookers {
			if slices.Contains(l.Looks(), what.Kind) {
				if got, err := l.Look(t.Context(), what); err != nil || what.Key != "sato.kaede@example.co.jp" && got.Outcome != evidence.Found {
					t.Errorf("%s %s: %s %s, %v", what.Kind, what.Key, got.Outcome, got.Reason, err)
				}
			}
		}
	}
	c.athena.Do(athenatest.Stuck)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	for _, s := range o.sources {
		if s.Name() == "athena" {
			w := query.Window{From: c.now.AddDate(0, 0, -2), To: c.now.AddDate(0, 0, -1)}
			_, err := s.Ask(ctx, query.Query{Dataset: query.CloudTrail, Window: w, Select: []query.Field{query.EventTime}, Limit: 10, Where: account(t, member)})
			if err == nil {
				t.Error("a query that is stuck was answered")
			}
		}
	}

	called := map[string]bool{}
	used := inUse(conf)
	mine, theirs := may(used, access.InReader, access.InManagement), may(used, access.InMember)
	for _, call := range c.aws.Calls() {
		action := actionOf(call)
		called[action] = true
		if grants := map[bool][]string{true: theirs, false: mine}[call.Account == member]; !slices.Contains(grants, action) && free[action] == "" {
			t.Errorf("%s is called in account %s, and not granted there", action, call.Account)
		}
	}
	if n := len(c.aws.Calls("ssm:GetParameter", "secretsmanager:GetSecretValue")); n == 0 || n > 10 {
		t.Errorf("secrets were fetched %d times by 5 commands; they are remembered", n)
	}
	_ = filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		for _, secret := range []string{c.splunk.Token, c.entra.Secret(), externalID} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s holds a secret", name)
			}
		}
		return err
	})
	granted := access.Actions(used)
	for _, action := range slices.Sorted(maps.Keys(called)) {
		if !slices.Contains(granted, action) && free[action] == "" {
			t.Errorf("%s is called and not granted", action)
		}
	}
	for _, action := range granted {
		if !called[action] && grantedFor[action] == "" {
			t.Errorf("%s is granted, and no flow calls it", action)
		}
	}
	// All features that a configuration can ask for are in use here.
	for _, f := range access.Features() {
		if !slices.ContainsFunc(used, func(u access.Feature) bool { return u.Name == f.Name }) && f.Name != "athena-kms" && f.Name != "lake-formation" {
			t.Errorf("the feature %s is in no flow", f.Name)
		}
	}
	for action := range grantedFor {
		if called[action] || !slices.Contains(access.Actions(access.Features()), action) {
			t.Errorf("the reason of %s is out of date", action)
		}
	}
}

// may are the actions that features grant in some places.
func may(features []access.Feature, where ...access.Where) (out []string) {
	for _, n := range access.Needs(features, access.Params{}, member, where...) {
		out = append(out, n.Actions...)
	}
	return out
}

func account(t *testing.T, id string) query.Expr {
	t.Helper()
	q, err := query.ParseExpr(query.CloudTrail, `account = "`+id+`"`)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// Every action that a package says it needs is granted.
func TestNeededActionsAreGranted(t *testing.T) {
	granted := access.Actions(access.Features())
	needed := slices.Concat(awsconn.Actions, awsconn.SelfActions, awslookup.Actions, awslogs.Actions, guardduty.Actions)
	for _, paces := range []map[string]call.Pace{cloudtrail.Paces, awslookup.Paces} {
		for api := range paces {
			needed = append(needed, api)
		}
	}
	for _, a := range needed {
		if !slices.Contains(granted, a) && free[a] == "" {
			t.Errorf("%s is called and not granted", a)
		}
	}
}
