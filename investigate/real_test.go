package investigate_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"uratori/config"
	"uratori/fact"
	"uratori/finding"
	"uratori/phrase"
	"uratori/query"
	"uratori/source"
	"uratori/source/local"
)

// realLogs is a folder of real logs, which lie beside the repository and are not part of it.
func realLogs(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "data", "logs", filepath.FromSlash(name))
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the real logs are not at %s", dir)
		}
		t.Skipf("the real logs are not at %s", dir)
	}
	return dir
}

// jq is the independent calculation.
func jq(t *testing.T, glob, filter string) string {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files match %s", glob)
	}
	out, err := exec.Command("jq", append([]string{"-r", "-s", filter}, files...)...).Output()
	if err != nil {
		t.Fatalf("jq %s: %v", filter, err)
	}
	return strings.TrimSpace(string(out))
}

// about is a finding about one credential's call, in the form of GetFindings.
func about(t *testing.T, account, region, at, service, api, key, userType, user, principal, ip string) finding.Finding {
	t.Helper()
	doc := fmt.Sprintf(`{"Id":"0123456789abcdef0123456789abcdef","Arn":"arn:aws:guardduty:%[2]s:%[1]s:detector/d/finding/0123456789abcdef0123456789abcdef",
		"AccountId":%[1]q,"Region":%[2]q,"Partition":"aws","Type":"Discovery:IAMUser/AnomalousBehavior","Severity":2,"CreatedAt":%[3]q,"UpdatedAt":%[3]q,
		"Title":"t","Description":"d","SchemaVersion":"2.0","Resource":{"ResourceType":"AccessKey","AccessKeyDetails":{"AccessKeyId":%[6]q,"UserType":%[7]q,"UserName":%[8]q,"PrincipalId":%[9]q}},
		"Service":{"Count":1,"EventFirstSeen":%[3]q,"EventLastSeen":%[3]q,"ServiceName":"guardduty","Action":{"ActionType":"AWS_API_CALL","AwsApiCallAction":{"Api":%[5]q,"ServiceName":%[4]q,"CallerType":"Remote IP","RemoteIpDetails":{"IpAddressV4":%[10]q}}}}}`,
		account, region, at, service, api, key, userType, user, principal, ip)
	fs, err := finding.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return fs[0]
}

func factsOver(t *testing.T, f finding.Finding, dirs ...string) fact.Facts {
	t.Helper()
	tools := toolsOf(t, config.Default(), phrase.EN)
	st := store(t, local.Options{Name: "local"}, dirs...)
	tools.Sources = []source.Source{told{st, st}}
	c, err := tools.Run(t.Context(), f, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Assessment.Facts()
}

func holds(t *testing.T, facts fact.Facts, key, subject, want string) {
	t.Helper()
	f := facts.Get(fact.Key(key), subject)
	got := plain(f)
	if f.Value.Type == fact.Time {
		got = query.Stamp(f.Value.At)
	}
	if got != want {
		t.Errorf("%s@%s = %s; jq says %s (%v)", key, subject, got, want, f.State)
	}
}

// Every count, first and last, address, user agent, error and API fact about a principal of a
// real trail equals jq's own over the same files.
func TestRealTrail(t *testing.T) {
	dir := realLogs(t, "cloudtrail/invictus")
	glob := filepath.Join(dir, "*.json")
	unique := `[.[].Records[]] | unique_by(.eventID)`
	// The credential with the most calls that also has errors, and one call of it.
	pick := unique + ` | map(select(.userIdentity.accessKeyId != null and (.sourceIPAddress|test("^[0-9.]+$")))) | group_by(.userIdentity.accessKeyId) | map(select(any(.errorCode))) | max_by(length) | sort_by(.eventTime, .eventID)`
	one := strings.Split(jq(t, glob, pick+` | .[length/2|floor] | [.recipientAccountId, .awsRegion, .eventTime, .eventSource, .eventName, .userIdentity.accessKeyId, .userIdentity.type, (.userIdentity.userName // ""), .userIdentity.principalId, .sourceIPAddress] | @tsv`), "\t")
	f := about(t, one[0], one[1], one[2], one[3], one[4], one[5], one[6], one[7], one[8], one[9])
	facts := factsOver(t, f, dir)
	own := unique + fmt.Sprintf(` | map(select(.userIdentity.accessKeyId == %q))`, one[5])
	for key, filter := range map[string]string{
		"activity.total":         `length`,
		"activity.distinct_apis": `[.[].eventName | sub("20[0-9]{6}(v[0-9]+)?$"; "")] | unique | length`,
		"activity.errors":        `map(select(.errorCode)) | length`,
		"activity.denied":        `map(select(.errorCode // "" | test("AccessDenied|Unauthorized"))) | length`,
		"activity.reads":         `map(select(.readOnly == true)) | length`,
		"activity.writes":        `map(select(.readOnly != true)) | length`,
		"activity.first":         `[.[].eventTime] | min`,
		"activity.last":          `[.[].eventTime] | max`,
		"activity.ips":           `[.[].sourceIPAddress | select(test("^[0-9.]+$"))] | unique | .[:20] | join(" ")`,
		"activity.regions":       `[.[].awsRegion] | unique | join(" ")`,
		"activity.user_agents":   `[.[].userAgent] | unique | .[:20] | join(" ")`,
		"activity.new_keys":      `map(select(.eventName == "CreateAccessKey" and .errorCode == null)) | length`,
		"activity.own_keys":      `map(select(.eventName == "CreateAccessKey" and .errorCode == null and .userIdentity.type == "IAMUser" and ((.requestParameters.userName // .userIdentity.userName) | ascii_downcase) == (.userIdentity.userName | ascii_downcase))) | length`,
		"activity.foreign_keys":  `map(select(.eventName == "CreateAccessKey" and .errorCode == null and (.userIdentity.type == "IAMUser" and ((.requestParameters.userName // .userIdentity.userName) | ascii_downcase) == (.userIdentity.userName | ascii_downcase) | not))) | length`,
		"activity.assumed_roles": `map(select((.eventName | startswith("AssumeRole")) and .errorCode == null)) | length`,
	} {
		want := jq(t, glob, own+" | "+filter)
		if want == "0" {
			want = "unknown" // nothing seen, and no coverage that would prove it
		}
		holds(t, facts, key, "credential", want)
	}
	// The table by API agrees row by row.
	for _, row := range facts.Get("activity.apis", "credential").Value.Rows {
		got := fmt.Sprintf("%d %d %s %s", row[2].Num, row[3].Num, query.Stamp(row[4].At), query.Stamp(row[5].At))
		want := jq(t, glob, own+fmt.Sprintf(` | map(select((.eventName | sub("20[0-9]{6}(v[0-9]+)?$"; "")) == %q and .eventSource == %q)) | "\(length) \(map(select(.errorCode))|length) \([.[].eventTime]|min) \([.[].eventTime]|max)"`, row[0].Str, row[1].Str))
		if got != want {
			t.Errorf("%s: %s; jq says %s", row[0].Str, got, want)
		}
	}
	holds(t, facts, "event.recorded", "", "true")
	same := fmt.Sprintf(` | map(select(.sourceIPAddress == %q) | .userIdentity.arn | select(. != null)) | unique | map(select(. != (%s | .[0].userIdentity.arn))) | length`, one[9], "$own")
	holds(t, facts, "related.other_principals_from_ip", "", jq(t, glob, `([.[].Records[]] | unique_by(.eventID) | map(select(.userIdentity.accessKeyId == "`+one[5]+`"))) as $own | `+unique+same))
}

// A technique is one of Stratus Red Team's, and what of it a trail shows, by the technique's own
// documentation (stratus-red-team.cloud): the calls, who makes them, whether they are meant to
// succeed, and as what our lists know them.
type technique struct {
	name  string
	apis  []string // as we name them, without the version at the end
	role  bool     // made by a role that the user assumes first
	fails bool     // the technique is refused by design
	class map[string]string
	why   string // why a call is known as none of persistence, privilege, logging and data
}

var techniques = []technique{
	{name: "credential-access.ec2-get-password-data", apis: []string{"GetPasswordData"}, role: true, fails: true, class: map[string]string{"GetPasswordData": "data_reads"}},
	{name: "credential-access.ec2-steal-instance-credentials", apis: []string{"SendCommand", "GetCommandInvocation"}, why: "a command on an instance is execution; what the stolen credentials do is asked for by the role"},
	{name: "credential-access.secretsmanager-retrieve-secrets", apis: []string{"ListSecrets", "GetSecretValue"}, class: map[string]string{"GetSecretValue": "data_reads"}},
	{name: "credential-access.ssm-retrieve-securestring-parameters", apis: []string{"DescribeParameters", "GetParameters"}, class: map[string]string{"GetParameters": "data_reads"}},
	{name: "defense-evasion.cloudtrail-delete", apis: []string{"DeleteTrail"}, class: map[string]string{"DeleteTrail": "logging_changes"}},
	{name: "defense-evasion.cloudtrail-event-selectors", apis: []string{"PutEventSelectors"}, class: map[string]string{"PutEventSelectors": "logging_changes"}},
	{name: "defense-evasion.cloudtrail-stop", apis: []string{"StopLogging"}, class: map[string]string{"StopLogging": "logging_changes"}},
	{name: "defense-evasion.organizations-leave", apis: []string{"LeaveOrganization"}, role: true, fails: true, class: map[string]string{"LeaveOrganization": "logging_changes"}},
	{name: "defense-evasion.vpc-remove-flow-logs", apis: []string{"DeleteFlowLogs"}, class: map[string]string{"DeleteFlowLogs": "logging_changes"}},
	{name: "discovery.ec2-download-user-data", apis: []string{"DescribeInstanceAttribute"}, role: true, fails: true, why: "the call reads any attribute of an instance, of which user data is one"},
	{name: "execution.ec2-launch-unusual-instances", apis: []string{"RunInstances"}, role: true, fails: true, why: "instances are launched every day; novelty and the instance type tell"},
	{name: "execution.ec2-user-data", apis: []string{"StopInstances", "ModifyInstanceAttribute", "StartInstances"}, why: "the call changes any attribute of an instance, of which user data is one"},
	{name: "execution.ssm-send-command", apis: []string{"SendCommand", "GetCommandInvocation"}, why: "a command on an instance is execution, which no list of ours counts"},
	{name: "exfiltration.ec2-security-group-open-port-22-ingress", apis: []string{"AuthorizeSecurityGroupIngress"}, why: "an opened port is exposure; cases about instances ask for it"},
	{name: "exfiltration.ec2-share-ami", apis: []string{"ModifyImageAttribute"}, class: map[string]string{"ModifyImageAttribute": "data_reads"}},
	{name: "exfiltration.ec2-share-ebs-snapshot", apis: []string{"ModifySnapshotAttribute"}, class: map[string]string{"ModifySnapshotAttribute": "data_reads"}},
	{name: "exfiltration.rds-share-snapshot", apis: []string{"ModifyDBSnapshotAttribute"}, class: map[string]string{"ModifyDBSnapshotAttribute": "data_reads"}},
	{name: "initial-access.console-login-without-mfa", apis: []string{"ConsoleLogin"}, why: "a sign-in keeps and widens nothing; that it had no MFA is a fact of its own"},
	{name: "persistence.iam-backdoor-role", apis: []string{"UpdateAssumeRolePolicy"}, class: map[string]string{"UpdateAssumeRolePolicy": "persistence_calls privilege_calls"}},
	{name: "persistence.iam-backdoor-user", apis: []string{"CreateAccessKey"}, class: map[string]string{"CreateAccessKey": "persistence_calls new_keys foreign_keys"}},
	{name: "persistence.iam-create-admin-user", apis: []string{"CreateUser", "AttachUserPolicy", "CreateAccessKey"}, class: map[string]string{"CreateUser": "persistence_calls", "AttachUserPolicy": "privilege_calls", "CreateAccessKey": "persistence_calls new_keys foreign_keys"}},
	{name: "persistence.iam-create-user-login-profile", apis: []string{"CreateLoginProfile"}, class: map[string]string{"CreateLoginProfile": "persistence_calls"}},
	{name: "persistence.lambda-backdoor-function", apis: []string{"AddPermission"}, class: map[string]string{"AddPermission": "persistence_calls"}},
	{name: "persistence.lambda-overwrite-code", apis: []string{"UpdateFunctionCode"}, class: map[string]string{"UpdateFunctionCode": "persistence_calls"}},
	{name: "persistence.rolesanywhere-create-trust-anchor", apis: []string{"CreateTrustAnchor", "CreateProfile"}, class: map[string]string{"CreateTrustAnchor": "persistence_calls"}},
}

// Each technique's calls are found under their name, as successes or failures, and are known as
// what they are: every number is jq's own over the same file. The recordings agree with the
// documentation throughout; one call beside a technique's own, DeleteLoginProfile, fails for a
// reason of its own (the profile is too young), and is not the technique's.
func TestRealTechniques(t *testing.T) {
	dir := realLogs(t, "cloudtrail/stratus-detonations")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != len(techniques) {
		t.Errorf("%d recordings of %d techniques, %v", len(files), len(techniques), err)
	}
	const named = `(.eventName | sub("20[0-9]{6}(v[0-9]+)?$"; ""))`
	for _, x := range techniques {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(dir, "aws."+x.name+".json")
			own := fmt.Sprintf(`[.[][]] | unique_by(.eventID) | map(select(.eventCategory != "Data")) | sort_by(.eventTime, .eventID) | (map(select(%s == %q)) | .[0].userIdentity) as $who | map(select(.userIdentity.principalId == $who.principalId and .userIdentity.accessKeyId == $who.accessKeyId))`, named, x.apis[0])
			one := strings.Split(jq(t, file, own+fmt.Sprintf(` | map(select(%s == %q)) | .[0] | [.recipientAccountId, .awsRegion, .eventTime, .eventSource, .eventName, (.userIdentity.accessKeyId // ""), .userIdentity.type, (.userIdentity.userName // ""), .userIdentity.principalId, .sourceIPAddress, (.errorCode == null)] | @tsv`, named, x.apis[0])), "\t")
			if len(one) != 11 || one[0] == "" {
				t.Fatalf("%s is not in the recording: %q", x.apis[0], one)
			}
			if one[10] != fmt.Sprint(!x.fails) {
				t.Errorf("%s succeeded: %s; the technique's is %v", x.apis[0], one[10], !x.fails)
			}
			if role := one[6] == "AssumedRole"; role != x.role {
				t.Errorf("%s was made by a %s", x.apis[0], one[6])
			}
			facts := factsOver(t, about(t, one[0], one[1], one[2], one[3], one[4], one[5], one[6], one[7], one[8], one[9]), file)
			holds(t, facts, "event.recorded", "", "true")
			holds(t, facts, "event.succeeded", "", fmt.Sprint(!x.fails))
			subject := "credential"
			if one[5] == "" {
				subject = "principal" // a sign-in to the console shows no key
			}
			count := func(key, filter string) {
				t.Helper()
				want := jq(t, file, own+" | "+filter)
				if want == "0" {
					want = "unknown" // nothing seen, and no coverage that would prove it
				}
				holds(t, facts, key, subject, want)
			}
			count("activity.total", `length`)
			count("activity.errors", `map(select(.errorCode)) | length`)
			count("activity.first", `[.[].eventTime] | min`)
			count("activity.last", `[.[].eventTime] | max`)
			if x.name == "initial-access.console-login-without-mfa" {
				holds(t, facts, "login.without_mfa", "", jq(t, file, `[.[][] | select(.eventName == "ConsoleLogin" and .responseElements.ConsoleLogin == "Success" and .additionalEventData.MFAUsed == "No")] | length`))
			}
			// By API.
			for _, api := range x.apis {
				got := ""
				for _, row := range facts.Get("activity.apis", subject).Value.Rows {
					if row[0].Str == api {
						got = fmt.Sprintf("%d %d", row[2].Num, row[3].Num)
					}
				}
				if want := jq(t, file, own+fmt.Sprintf(` | map(select(%s == %q)) | "\(length) \(map(select(.errorCode)) | length)"`, named, api)); got != want {
					t.Errorf("%s: %q calls and errors; jq says %s", api, got, want)
				}
			}
			// By class: successes only, and of no other class.
			for _, class := range []string{"persistence_calls", "privilege_calls", "logging_changes", "data_reads", "new_keys", "foreign_keys"} {
				var names []string
				for _, api := range x.apis {
					if slices.Contains(strings.Fields(x.class[api]), class) {
						names = append(names, fmt.Sprintf("%s == %q", named, api))
					}
				}
				filter := `[] | length`
				if len(names) > 0 {
					filter = fmt.Sprintf(`map(select((%s) and .errorCode == null)) | length`, strings.Join(names, " or "))
				}
				count("activity."+class, filter)
			}
			if len(x.class) == 0 && x.why == "" {
				t.Error("known as nothing, and not said why")
			}
		})
	}
}

// The four techniques that go by a role of their own are followed from the user that assumes it:
// the calls with the keys that were issued are counted as jq counts them.
func TestRealRoleHops(t *testing.T) {
	dir := realLogs(t, "cloudtrail/stratus-detonations")
	tried := 0
	for _, x := range techniques {
		if !x.role {
			continue
		}
		tried++
		file := filepath.Join(dir, "aws."+x.name+".json")
		const all = `[.[][]] | unique_by(.eventID) | sort_by(.eventTime, .eventID)`
		one := strings.Split(jq(t, file, all+` | map(select(.eventName == "AssumeRole")) | .[0] | [.recipientAccountId, .awsRegion, .eventTime, .eventSource, .eventName, .userIdentity.accessKeyId, .userIdentity.type, .userIdentity.userName, .userIdentity.principalId, .sourceIPAddress] | @tsv`), "\t")
		facts := factsOver(t, about(t, one[0], one[1], one[2], one[3], one[4], one[5], one[6], one[7], one[8], one[9]), file)
		hops := fmt.Sprintf(` | map(select(.eventName == "AssumeRole" and .userIdentity.accessKeyId == %q))`, one[5])
		issued := ` | (map(select(.eventName == "AssumeRole" and .errorCode == null) | .responseElements.credentials.accessKeyId)) as $keys | map(select(.userIdentity.accessKeyId as $k | $keys | index($k))) | length`
		for key, filter := range map[string]string{
			"hop.count": hops + ` | map(select(.errorCode == null)) | length`, "hop.refused": hops + ` | map(select(.errorCode)) | length`, "hop.calls": issued,
		} {
			want := jq(t, file, all+filter)
			if want == "0" {
				want = "unknown"
			}
			holds(t, facts, key, "", want)
		}
		if n := facts.Get("hop.calls", ""); n.Value.Num == 0 {
			t.Errorf("%s: no call of the role was found by the key that was issued", x.name)
		}
	}
	if tried != 4 {
		t.Errorf("%d techniques go by a role", tried)
	}
}

// Real sign-ins: the facts about one person equal jq's.
func TestRealSignIns(t *testing.T) {
	dir := realLogs(t, "entra")
	file := filepath.Join(dir, "signinlogs-seccxp.jsonl")
	who := jq(t, file, `group_by(.UserPrincipalName) | max_by(length) | .[0].UserPrincipalName`)
	// Log Analytics holds a sign-in again whenever it was updated: one id is one sign-in.
	own := fmt.Sprintf(`unique_by(.Id) | map(select((.UserPrincipalName|ascii_downcase) == %q))`, strings.ToLower(who))
	at := jq(t, file, own+` | [.[].CreatedDateTime // .[].TimeGenerated] | max`)
	f := about(t, "111122223333", "us-east-1", at, "sts.amazonaws.com", "GetCallerIdentity", "ASIAEXAMPLE00000001", "AssumedRole", "r", "AROAEXAMPLE:"+who, "192.0.2.1")
	log := filepath.Join(t.TempDir(), "call.json")
	call := fmt.Sprintf(`{"eventTime":%q,"eventSource":"sts.amazonaws.com","eventName":"GetCallerIdentity","eventID":"e","recipientAccountId":"111122223333","userIdentity":{"type":"AssumedRole","accessKeyId":"ASIAEXAMPLE00000001","principalId":"AROAEXAMPLE:%s","arn":"arn:aws:sts::111122223333:assumed-role/r/%s"}}`, at, who, who)
	if err := os.WriteFile(log, []byte(call), 0o600); err != nil {
		t.Fatal(err)
	}
	facts := factsOver(t, f, file, log)
	atLeast := func(key, filter string) {
		t.Helper()
		if got, want := plain(facts.Get(fact.Key(key), "")), jq(t, file, own+" | "+filter); got != want {
			t.Errorf("%s = %s; jq says %s", key, got, want)
		}
	}
	atLeast("signin.total", `length`)
	atLeast("signin.success", `map(select((.ResultType|tostring) == "0")) | length`)
	atLeast("signin.ip_count", `[.[].IPAddress] | unique | length`)
}
