package fact

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/calendar"
	"uratori/evidence"
	"uratori/finding"
	"uratori/query"
)

var made = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)

// lookedCase are the facts of a case of a long-term key's finding on 2025-09-09 13:20 in Tokyo, in which
// those things were looked up.
func lookedCase(t *testing.T, st Settings, user string, looked ...evidence.Item) Facts {
	t.Helper()
	fs, err := finding.Parse([]byte(`{"schemaVersion":"2.0","accountId":"111122223333","region":"us-east-1","partition":"aws","id":"0123456789abcdef0123456789abcdef",
		"arn":"arn:aws:guardduty:us-east-1:111122223333:detector/d/finding/f","type":"Discovery:S3/AnomalousBehavior","severity":2,"title":"t","description":"d",
		"createdAt":"2025-09-09T04:29:43Z","updatedAt":"2025-09-09T04:29:43Z",
		"resource":{"resourceType":"AccessKey","accessKeyDetails":{"accessKeyId":"AKIAEXAMPLE000000009","principalId":"P","userType":"IAMUser","userName":"batch"},"s3BucketDetails":[{"name":"example-ledger","arn":"arn:aws:s3:::example-ledger"}]},
		"service":{"count":1,"eventFirstSeen":"2025-09-09T04:20:05Z","eventLastSeen":"2025-09-09T04:20:05Z","action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"ListObjects","serviceName":"s3.amazonaws.com"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	st.Calendar = calendar.Config{Zone: "Asia/Tokyo"}
	settings, err := EncodeSettings(st, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := query.TimeOf(time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC))
	items := []evidence.Item{
		{Kind: evidence.FindingItem, Body: fs[0].Raw()},
		{Kind: evidence.SettingsItem, Body: settings},
		{
			Kind: evidence.AnswerItem, Question: "credential", Subject: "credential", Answers: []string{"activity.*"}, Scope: query.Scope{Kind: "cloudtrail_management"},
			Coverage: []evidence.Coverage{{State: evidence.Collected}},
			Answer: evidence.Answer{
				Outcome: evidence.Found, Columns: []string{"event_time", "api", "session_name", "on_behalf_of", "user_type"},
				Rows: []evidence.Row{{at, query.TextOf("ListObjects"), query.TextOf(user), query.TextOf("user-1"), query.TextOf("AssumedRole")}},
			},
		},
	}
	items = append(items, looked...)
	for i := range items {
		items[i].ID = evidence.ID(fmt.Sprintf("E%d", i+1))
	}
	facts, err := Derive(fs[0], evidence.NewSet(items))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// lookup is a look-up that ended so; it may answer every fact.
func lookup(out evidence.Outcome, b evidence.Body) evidence.Item {
	it := evidence.Item{
		Kind: evidence.LookupItem, Answers: []string{"actor.*", "person.*", "finding.*", "impact.*"}, Scope: query.Scope{Kind: string(b.Kind)},
		Answer: evidence.Answer{Outcome: out},
	}
	if out == evidence.Found {
		it.Body = b.Encode()
	}
	return it
}

func parts(names ...string) (out []evidence.Part) {
	for _, n := range names {
		out = append(out, evidence.Part{Name: n, Outcome: evidence.Found})
	}
	return out
}

// show is a fact's value in a word, or why there is none.
func show(f Fact) string {
	switch f.State {
	case Known, AtLeast:
		v := f.Value
		switch v.Type {
		case Bool:
			return fmt.Sprint(v.Num == 1)
		case Int, Minutes:
			return fmt.Sprint(v.Num)
		case Time:
			return v.At.Format(time.RFC3339)
		case Texts:
			return strings.Join(v.List, ", ")
		default:
			return v.Str
		}
	case NotApplicable:
		return "does not arise"
	case Unknown:
	}
	return "unknown: " + f.Gap.Key + " " + f.Gap.Outcome.String()
}

func check(t *testing.T, facts Facts, want map[Key]string) {
	t.Helper()
	for key, w := range want {
		f := facts.Get(key, "")
		if f.ID == "" {
			w = "absent: " + w
		}
		if got := show(f); got != w {
			t.Errorf("%s = %s; want %s", key, got, w)
		}
		if f.State == Known && !slices.ContainsFunc(f.From, func(r Ref) bool { return r >= "E4" }) && !strings.HasPrefix(string(key), "quality") && !strings.Contains(f.Rule, "configuration") {
			t.Errorf("%s came from %v, which is no look-up", key, f.From)
		}
	}
}

// A case that looks nothing up has no fact about look-ups, and the others are what they were.
func TestWithoutLookUps(t *testing.T) {
	facts := lookedCase(t, Settings{}, "sato.kaede@example.co.jp")
	for _, f := range facts.All() {
		if d, _ := DefOf(f.Key); d.Looks != "" {
			t.Errorf("fact %s exists without a look-up", f.Key)
		}
	}
	for key, want := range map[Key]string{
		"finding.account_name": "unknown: configuration ", "finding.environment": "unknown: configuration ", "person.enabled": "unknown: configuration ",
		"person.upn": "sato.kaede@example.co.jp", "person.link_method": "exact_name", "quality.contradictions": "does not arise",
	} {
		if got := show(facts.Get(key, "")); got != want {
			t.Errorf("%s = %s; want %s", key, got, want)
		}
	}
}

func account(tags []evidence.Tag, ous ...string) evidence.Item {
	return lookup(evidence.Found, evidence.Body{
		Kind: evidence.LookAccount, Parts: parts(tagsOfAccount, parentsOfAccount, unitsOfAccount),
		Account: &evidence.LookedAccount{ID: "111122223333", Name: "example-dev", Status: "ACTIVE", Tags: tags, OUs: ous},
	})
}

func TestAccountsThatWereLookedUp(t *testing.T) {
	check(t, lookedCase(t, Settings{}, "x", account([]evidence.Tag{{Key: "Env", Value: "SBX"}, {Key: "Owner", Value: "team-a"}}, "Workloads", "Production")), map[Key]string{
		"finding.account_name": "example-dev", "finding.environment": "sandbox", "finding.account_owner": "team-a",
		"finding.account_ou": "Workloads/Production", "finding.account_tags": "Env=SBX, Owner=team-a", "finding.account_status": "ACTIVE",
	})
	check(t, lookedCase(t, Settings{}, "x", account(nil, "Workloads", "Prod")), map[Key]string{
		"finding.environment": "production", "finding.account_tags": "does not arise", "finding.account_owner": "unknown: configuration ",
	})
	check(t, lookedCase(t, Settings{Environments: []EnvironmentRule{{OU: "workloads", Environment: "staging"}}}, "x", account([]evidence.Tag{{Key: "env", Value: "prod"}}, "Workloads")), map[Key]string{"finding.environment": "staging"})
	byID := Settings{Environments: []EnvironmentRule{{Account: "444455556666", Environment: "sandbox"}, {Account: "111122223333", Environment: "management"}}}
	check(t, lookedCase(t, byID, "x"), map[Key]string{"finding.environment": "management"})
	byTag := Settings{Environments: []EnvironmentRule{{Tag: "Stage", Value: "Live", Environment: "production"}}}
	check(t, lookedCase(t, byTag, "x", account([]evidence.Tag{{Key: "env", Value: "dev"}, {Key: "stage", Value: "live"}})), map[Key]string{"finding.environment": "production"})
	refused := evidence.Body{Kind: evidence.LookAccount, Account: &evidence.LookedAccount{ID: "111122223333", Name: "example-dev"}, Parts: []evidence.Part{{Name: tagsOfAccount, Outcome: evidence.Denied}, {Name: parentsOfAccount, Outcome: evidence.Found}}}
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, refused)), map[Key]string{
		"finding.account_name": "example-dev", "finding.environment": "unknown: look_account Denied", "finding.account_tags": "unknown: look_account Denied", "finding.account_ou": "unknown: look_account Failed",
	})
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Throttled, evidence.Body{Kind: evidence.LookAccount})), map[Key]string{"finding.account_name": "unknown: look_account Throttled"})
	// The configuration wins, and the difference is told.
	check(t, lookedCase(t, Settings{Accounts: []Account{{ID: "111122223333", Name: "other", Environment: "production"}}}, "x", account([]evidence.Tag{{Key: "env", Value: "dev"}})), map[Key]string{
		"finding.account_name": "other", "finding.environment": "production",
		"quality.contradictions": "the configuration says that the account is production, its tags or its unit say development, the configuration's name of the account is not the organisation's",
	})
}

func user(name string) evidence.Item {
	return lookup(evidence.Found, evidence.Body{Kind: evidence.LookUser, User: &evidence.LookedUser{ID: "user-1", UserName: name, Status: "ENABLED"}})
}

func TestThePersonBehindASession(t *testing.T) {
	check(t, lookedCase(t, Settings{}, "no-address", user("Sato.Kaede@example.co.jp")), map[Key]string{
		"person.known": "true", "person.upn": "sato.kaede@example.co.jp", "person.link_method": "on_behalf_of", "person.link_confidence": "high", "person.user_status": "ENABLED",
	})
	facts := lookedCase(t, Settings{}, "someone.else@example.co.jp", user("sato.kaede@example.co.jp"))
	check(t, facts, map[Key]string{"person.upn": "sato.kaede@example.co.jp", "quality.contradictions": "the session's name is not the Identity Store user's"})
	people := Settings{People: []Person{{UPN: "tanaka@example.co.jp", IdentityStoreUser: "user-1"}}}
	check(t, lookedCase(t, people, "x", user("sato.kaede@example.co.jp")), map[Key]string{
		"quality.contradictions": "the configuration's person of the Identity Store user is not the Identity Store's",
	})
}

func TestWhatTheDirectorySays(t *testing.T) {
	no, yes := false, true
	event := time.Date(2025, 9, 9, 4, 20, 5, 0, time.UTC)
	person := func(p evidence.LookedPerson) evidence.Item {
		return lookup(evidence.Found, evidence.Body{Kind: evidence.LookPerson, Person: &p, Parts: parts(contractPart, enabledPart)})
	}
	const upn = "sato.kaede@example.co.jp"
	check(t, lookedCase(t, Settings{}, upn, person(evidence.LookedPerson{UPN: upn, Department: "会計", Sponsor: "boss", Enabled: &no, Contractor: &yes, Gone: &event, Company: "Example KK", ObjectID: "o", DisplayName: "佐藤"})), map[Key]string{
		"person.in_directory": "true", "person.department": "会計", "person.sponsor": "boss", "person.enabled": "false", "person.disabled": "true", "person.contractor": "true",
		"person.gone": "true", "person.gone_from": "2025-09-09T04:20:05Z", "person.company": "Example KK", "person.employee_type": "does not arise", "person.object_id": "o", "person.display_name": "佐藤",
	})
	later := event.Add(time.Microsecond)
	check(t, lookedCase(t, Settings{}, upn, person(evidence.LookedPerson{UPN: upn, Gone: &later})), map[Key]string{"person.gone": "false", "person.disabled": "does not arise"})
	hidden := lookup(evidence.Found, evidence.Body{Kind: evidence.LookPerson, Person: &evidence.LookedPerson{UPN: upn}, Parts: []evidence.Part{{Name: contractPart, Outcome: evidence.Denied}, {Name: enabledPart, Outcome: evidence.NotCollected}}})
	check(t, lookedCase(t, Settings{}, upn, hidden), map[Key]string{"person.gone": "unknown: look_person Denied", "person.disabled": "unknown: look_person NotCollected"})
	check(t, lookedCase(t, Settings{}, upn, person(evidence.LookedPerson{UPN: upn})), map[Key]string{"person.gone": "does not arise"})
	check(t, lookedCase(t, Settings{}, upn, lookup(evidence.Empty, evidence.Body{Kind: evidence.LookPerson})), map[Key]string{
		"person.in_directory": "false", "person.gone": "does not arise", "person.department": "unknown: configuration ",
	})
	check(t, lookedCase(t, Settings{}, upn, lookup(evidence.Denied, evidence.Body{Kind: evidence.LookPerson})), map[Key]string{
		"person.in_directory": "unknown: look_person Denied", "person.gone": "unknown: look_person Denied", "person.enabled": "unknown: look_person Denied",
	})
	notAsked := lookup(evidence.NotAsked, evidence.Body{Kind: evidence.LookPerson})
	notAsked.Missing = []string{"person.upn"}
	check(t, lookedCase(t, Settings{}, "x", notAsked), map[Key]string{"person.gone": "unknown: person NotAsked"})
	people := Settings{People: []Person{{UPN: upn, Enabled: &yes, Department: "営業"}}}
	check(t, lookedCase(t, people, upn, person(evidence.LookedPerson{UPN: upn, Enabled: &no, Department: "会計"})), map[Key]string{
		"person.enabled": "true", "quality.contradictions": "the configuration and the directory differ in the person's department, the configuration and the directory differ in the person's enabled",
	})
}

func TestKeysThatWereLookedUp(t *testing.T) {
	used := made.Add(24 * time.Hour)
	key := evidence.LookedKey{UserName: "batch", Status: "Active", Created: &made, LastUsed: &used, LastUsedService: "s3", LastUsedRegion: "us-east-1", OtherKeys: 1}
	item := func(k evidence.LookedKey, out evidence.Outcome) evidence.Item {
		return lookup(evidence.Found, evidence.Body{Kind: evidence.LookKey, AccessKey: &k, Parts: []evidence.Part{{Name: keyCreatedBy, Outcome: out}}})
	}
	check(t, lookedCase(t, Settings{}, "x", item(key, evidence.Found)), map[Key]string{
		"actor.key_exists": "true", "actor.key_owner": "batch", "actor.key_status": "active", "actor.key_created": "2025-06-01T00:00:00Z", "actor.key_age_days": "100",
		"actor.key_last_used": "2025-06-02T00:00:00Z", "actor.key_last_used_for": "s3 us-east-1", "actor.other_keys": "1",
	})
	check(t, lookedCase(t, Settings{}, "x", item(evidence.LookedKey{UserName: "batch"}, evidence.Denied)), map[Key]string{
		"actor.key_owner": "batch", "actor.key_age_days": "unknown: look_access_key Denied", "actor.key_last_used": "does not arise",
	})
	later := made.AddDate(1, 0, 0)
	facts := lookedCase(t, Settings{}, "x", item(evidence.LookedKey{UserName: "other", Created: &later, Status: "Active"}, evidence.Found))
	check(t, facts, map[Key]string{
		"actor.key_age_days": "does not arise", "quality.contradictions": "the access key was created after the event, the access key's user is not the finding's",
	})
	if !facts.AsOf().Equal(later) {
		t.Errorf("as of %v; want the newest time of the evidence", facts.AsOf())
	}
}

func TestPrincipalsThatWereLookedUp(t *testing.T) {
	p := evidence.LookedPrincipal{Type: "role", Name: "r", Created: &made, Attached: []string{"arn:aws:iam::aws:policy/AdministratorAccess"}}
	b := evidence.Body{Kind: evidence.LookPrincipal, Principal: &p, Parts: parts("iam:ListAttachedRolePolicies", "iam:ListRolePolicies")}
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, b)), map[Key]string{
		"actor.administrator": "true", "actor.wide_policies": "AdministratorAccess", "actor.attached_policies": p.Attached[0], "actor.inline_policies": "does not arise", "actor.principal_created": "2025-06-01T00:00:00Z",
	})
	// A group's policies that could not be read leave it open whether the user is an administrator.
	p.Type, p.Attached = "user", nil
	b.Parts = append(parts("iam:ListAttachedUserPolicies", "iam:ListGroupsForUser"), evidence.Part{Name: "iam:ListAttachedGroupPolicies", Outcome: evidence.Denied})
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, b)), map[Key]string{"actor.administrator": "unknown: look_iam_principal Denied", "actor.groups": "does not arise"})
	p.Attached = []string{"arn:aws-us-gov:iam::aws:policy/IAMFullAccess", "arn:aws-us-gov:iam::aws:policy/PowerUserAccess", "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess"}
	b.Parts = parts("iam:ListAttachedUserPolicies", "iam:ListGroupsForUser", "iam:ListAttachedGroupPolicies")
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, b)), map[Key]string{"actor.administrator": "false", "actor.wide_policies": "IAMFullAccess, PowerUserAccess"})
	p.Attached = []string{"arn:aws:iam::111122223333:policy/AdministratorAccess"} // of one's own, under AWS's name
	b.Parts = parts("iam:ListAttachedUserPolicies", "iam:ListGroupsForUser", "iam:ListAttachedGroupPolicies")
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, b)), map[Key]string{"actor.administrator": "false", "actor.wide_policies": "does not arise"})
}

func TestExposureOfABucket(t *testing.T) {
	yes, no := true, false
	all := parts(blockOfBucket, policyOfBucket, grantsOfBucket, tagsOfBucket, versioningOfBucket, loggingOfBucket, blockOfAccount)
	for name, tt := range map[string]struct {
		b    evidence.LookedBucket
		want string
	}{
		"nothing":                             {evidence.LookedBucket{}, "false"},
		"a policy":                            {evidence.LookedBucket{PolicyPublic: &yes}, "true"},
		"a policy that is not public":         {evidence.LookedBucket{PolicyPublic: &no}, "false"},
		"a policy that is restricted":         {evidence.LookedBucket{PolicyPublic: &yes, Block: &evidence.BlockPublic{RestrictBuckets: true}}, "false"},
		"a policy and a block of others":      {evidence.LookedBucket{PolicyPublic: &yes, Block: &evidence.BlockPublic{BlockPolicy: true, BlockACLs: true, IgnoreACLs: true}}, "true"},
		"a grant":                             {evidence.LookedBucket{PublicGrants: []string{"AllUsers READ"}}, "true"},
		"a grant that is ignored":             {evidence.LookedBucket{PublicGrants: []string{"AllUsers READ"}, Block: &evidence.BlockPublic{IgnoreACLs: true}}, "false"},
		"a policy that the account restricts": {evidence.LookedBucket{PolicyPublic: &yes, AccountBlock: &evidence.BlockPublic{RestrictBuckets: true}}, "false"},
		"a grant that the account ignores":    {evidence.LookedBucket{PublicGrants: []string{"AllUsers READ"}, AccountBlock: &evidence.BlockPublic{IgnoreACLs: true}}, "false"},
		"an account that only refuses new":    {evidence.LookedBucket{PolicyPublic: &yes, AccountBlock: &evidence.BlockPublic{BlockPolicy: true, BlockACLs: true}}, "true"},
		"a grant from before":                 {evidence.LookedBucket{PublicGrants: []string{"AllUsers READ"}, Block: &evidence.BlockPublic{BlockACLs: true, RestrictBuckets: true}}, "true"},
	} {
		facts := lookedCase(t, Settings{}, "x", lookup(evidence.Found, evidence.Body{Kind: evidence.LookBucket, Bucket: &tt.b, Parts: all}))
		if got := show(facts.Get("impact.bucket_public_now", "")); got != tt.want {
			t.Errorf("%s: public %s; want %s", name, got, tt.want)
		}
	}
	b := evidence.LookedBucket{Versioning: "Suspended", LogBucket: "logs", LogPrefix: "p/", Tags: []evidence.Tag{{Key: "a", Value: "b"}}, Block: &evidence.BlockPublic{BlockACLs: true}}
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, evidence.Body{Kind: evidence.LookBucket, Bucket: &b, Parts: all})), map[Key]string{
		"impact.bucket_versioning": "suspended", "impact.bucket_access_logs": "true", "impact.bucket_access_log_place": "s3://logs/p/", "impact.bucket_tags": "a=b", "impact.bucket_blocks": "BlockPublicAcls",
	})
	b.AccountBlock = &evidence.BlockPublic{BlockACLs: true, RestrictBuckets: true}
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, evidence.Body{Kind: evidence.LookBucket, Bucket: &b, Parts: all})), map[Key]string{
		"impact.account_blocks": "BlockPublicAcls, RestrictPublicBuckets", "impact.bucket_blocked_by": "BlockPublicAcls (bucket, account), RestrictPublicBuckets (account)",
	})
	// Where the account is not told, a bucket that lets everyone in is not known to be public; one that does not is not.
	untold := parts(blockOfBucket, policyOfBucket, grantsOfBucket, blockOfAccount)
	untold[3].Outcome = evidence.Denied
	for want, b := range map[string]evidence.LookedBucket{"unknown: look_bucket Denied": {PolicyPublic: &yes}, "false": {PolicyPublic: &no}} {
		check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, evidence.Body{Kind: evidence.LookBucket, Bucket: &b, Parts: untold})), map[Key]string{"impact.bucket_public_now": want, "impact.account_blocks": "unknown: look_bucket Denied"})
	}
	all[2].Outcome = evidence.Denied // the ACL may grant what the policy does not
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, evidence.Body{Kind: evidence.LookBucket, Bucket: &evidence.LookedBucket{}, Parts: all})), map[Key]string{
		"impact.bucket_public_now": "unknown: look_bucket Denied", "impact.bucket_versioning": "never", "impact.bucket_access_logs": "false",
	})
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Empty, evidence.Body{Kind: evidence.LookBucket})), map[Key]string{"impact.bucket_exists": "false", "impact.bucket_public_now": "does not arise"})
}

// The tags of a resource name an environment of their own; production goes before others, and what
// could not be read may be production.
func TestEnvironmentOfAResource(t *testing.T) {
	bucket := func(out evidence.Outcome, tags ...evidence.Tag) evidence.Item {
		b := evidence.Body{Kind: evidence.LookBucket, Bucket: &evidence.LookedBucket{Tags: tags}, Parts: parts(tagsOfBucket)}
		b.Parts[0].Outcome = out
		return lookup(evidence.Found, b)
	}
	instance := func(tags ...evidence.Tag) evidence.Item {
		return lookup(evidence.Found, evidence.Body{Kind: evidence.LookInstance, Instance: &evidence.LookedInstance{Tags: tags}})
	}
	rules := Settings{Environments: []EnvironmentRule{{OU: "live", Environment: "production"}, {Tag: "stage", Value: "live", Environment: "production"}, {Tag: "stage", Value: "play", Environment: "playground"}}}
	for name, c := range map[string]struct {
		items []evidence.Item
		want  string // "" where the case has no such fact
	}{
		"by a rule":                   {[]evidence.Item{bucket(evidence.Found, evidence.Tag{Key: "Stage", Value: "LIVE"}, evidence.Tag{Key: "env", Value: "dev"})}, "production"},
		"by its own word":             {[]evidence.Item{instance(evidence.Tag{Key: "Environment", Value: "stg"})}, "staging"},
		"by a word that is not ours":  {[]evidence.Item{instance(evidence.Tag{Key: "stage", Value: "play"})}, "other"},
		"of two, production":          {[]evidence.Item{bucket(evidence.Found, evidence.Tag{Key: "env", Value: "dev"}), instance(evidence.Tag{Key: "env", Value: "prd"})}, "production"},
		"tags that could not be read": {[]evidence.Item{bucket(evidence.Denied), instance(evidence.Tag{Key: "env", Value: "dev"})}, "unknown: look_bucket Denied"},
		"no tags":                     {[]evidence.Item{bucket(evidence.Empty)}, ""},
		"no look-up":                  {nil, ""},
	} {
		facts := lookedCase(t, rules, "x", c.items...)
		f := facts.Get("finding.resource_environment", "")
		if got := show(f); f.ID == "" && c.want != "" || f.ID != "" && got != c.want {
			t.Errorf("%s: %s, %q; want %s", name, got, f.ID, c.want)
		}
	}
}

func TestInstancesThatWereLookedUp(t *testing.T) {
	i := evidence.LookedInstance{ID: "i-0123456789abcdef0", State: "running", PublicIP: "192.0.2.10", Metadata: "optional", Launched: &made, Groups: []evidence.Group{{ID: "sg-1", Ingress: []evidence.Ingress{
		{Protocol: "tcp", From: 22, To: 22, Source: "0.0.0.0/0"},
		{Protocol: "-1", To: 65535, Source: "::/0"},
		{Protocol: "tcp", From: 80, To: 90, Source: "0.0.0.0/0"},
		{Protocol: "tcp", From: 443, To: 443, Source: "192.0.2.0/24"},
		{Protocol: "-1", To: 65535, Source: "sg-2"},
	}}}}
	b := evidence.Body{Kind: evidence.LookInstance, Instance: &i, Parts: parts(groupsOfInstance)}
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, b)), map[Key]string{
		"finding.instance_open_ports": "all from ::/0 (sg-1), tcp 22 from 0.0.0.0/0 (sg-1), tcp 80-90 from 0.0.0.0/0 (sg-1)",
		"finding.instance_state":      "running", "finding.instance_metadata_tokens": "optional", "finding.instance_public_ip": "192.0.2.10",
	})
	b.Parts[0].Outcome = evidence.Failed
	check(t, lookedCase(t, Settings{}, "x", lookup(evidence.Found, b)), map[Key]string{"finding.instance_open_ports": "unknown: look_instance Failed"})
}

// Of several look-ups the one that found it counts, whoever was asked first.
func TestWhoFoundItCounts(t *testing.T) {
	none, refused := lookup(evidence.Empty, evidence.Body{Kind: evidence.LookAccount}), lookup(evidence.Denied, evidence.Body{Kind: evidence.LookAccount})
	check(t, lookedCase(t, Settings{}, "x", refused, none, account(nil)), map[Key]string{"finding.account_name": "example-dev"})
	check(t, lookedCase(t, Settings{}, "x", refused, none), map[Key]string{"finding.account_status": "does not arise"})
	// A document that is none, and one of another schema, are no evidence of anything.
	broken := account(nil)
	broken.Body = []byte(`{"schema":"uratori.looked/9","kind":"account","key":""}`)
	check(t, lookedCase(t, Settings{}, "x", broken), map[Key]string{"finding.account_status": "unknown: look_account Failed"})
}
