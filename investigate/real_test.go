package investigate_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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

// The same for techniques that were recorded one by one: success and failure are right.
func TestRealTechniques(t *testing.T) {
	dir := realLogs(t, "cloudtrail/stratus-detonations")
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%d techniques, %v", len(files), err)
	}
	tried := 0
	for _, file := range files {
		line := jq(t, file, `[.[][] | select(.userIdentity.accessKeyId)] | sort_by(.eventTime, .eventID) | .[0] // empty | [.recipientAccountId, .awsRegion, .eventTime, .eventSource, .eventName, .userIdentity.accessKeyId, .userIdentity.type, (.userIdentity.userName // ""), .userIdentity.principalId, .sourceIPAddress] | @tsv`)
		one := strings.Split(line, "\t")
		if len(one) != 10 || one[0] == "" {
			continue
		}
		tried++
		facts := factsOver(t, about(t, one[0], one[1], one[2], one[3], one[4], one[5], one[6], one[7], one[8], one[9]), file)
		own := fmt.Sprintf(`[.[][]] | unique_by(.eventID) | map(select(.userIdentity.accessKeyId == %q and .eventCategory != "Data"))`, one[5])
		for key, filter := range map[string]string{
			"activity.total": `length`, "activity.errors": `map(select(.errorCode)) | length`, "activity.first": `[.[].eventTime] | min`, "activity.last": `[.[].eventTime] | max`,
		} {
			want := jq(t, file, own+" | "+filter)
			if want == "0" {
				want = "unknown" // nothing seen, and no coverage that would prove it
			}
			holds(t, facts, key, "credential", want)
		}
		if tried == 6 {
			break
		}
	}
	if tried < 3 {
		t.Errorf("only %d techniques could be tried", tried)
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
