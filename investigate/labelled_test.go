package investigate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/fact"
	"uratori/query"
	"uratori/source/local"
)

// meanings are the rules whose meaning our lists of calls cover, and which list that is. All other
// rules are about something that no rule of our policy judges by one call alone (a network change, a
// new Region, a tool), or about records of another log.
var meanings = map[string]string{
	"AWS.CloudTrail.Stopped":                                "logging",
	"AWS.CloudTrail.EventSelectorsDisabled":                 "logging",
	"AWS.CloudTrail.DNSLogsDeleted":                         "logging",
	"AWS.VPCFlow.LogsDeleted":                               "logging",
	"AWS.ConfigService.DisabledDeleted":                     "logging",
	"AWS.CloudTrail.SecurityConfigurationChange":            "logging",
	"AWS.CloudTrail.VPCE.SensitiveAPICalls":                 "logging",
	"AWS.Bedrock.DeleteModelInvocationLoggingConfiguration": "logging",
	"AWS.Bedrock.GuardrailUpdateDelete":                     "model_guard",
	"AWS.CloudTrail.LoginProfileCreatedOrModified":          "persistence",
	"AWS.User.Login.Profile.Modified":                       "persistence",
	"AWS.IAM.CreateUser":                                    "persistence",
	"AWS.IAM.CreateRole":                                    "persistence",
	"AWS.CloudTrail.IAMEntityCreatedWithoutCloudFormation":  "persistence",
	"AWS.IAM.Backdoor.User.Keys":                            "persistence",
	"AWS.CloudTrail.RootAccessKeyCreated":                   "persistence",
	"AWS.Suspicious.SAML.Activity":                          "persistence",
	"AWS.Potential.Backdoor.Lambda":                         "persistence",
	"AWS.Lambda.UpdateFunctionCode":                         "persistence",
	"AWS.IAM.AttachAdminUserPolicy":                         "privilege",
	"AWS.CloudTrail.IAMAnythingChanged":                     "privilege",
	"AWS.CloudTrail.IAMCompromisedKeyQuarantine":            "privilege",
	"AWS.S3.DeletePublicAccessBlock":                        "exposure",
	"AWS.RDS.SnapshotShared":                                "data_read",
	"AWS.SecretsManager.RetrieveSecrets":                    "data_read",
	"AWS.SecretsManager.BatchRetrieveSecrets":               "data_read",
	"AWS.SecretsManager.BatchRetrieveSecretsCatchAll":       "data_read",
	"AWS.SecretsManager.RetrieveSecretsMultiRegion":         "data_read",
	"AWS.SSM.DecryptSSMParams":                              "data_read",
}

// Why we differ from a label. What a call means is ours to say from the call; who may make it is
// said elsewhere: by the person, the session, the baseline and the interview.
const (
	whoMay    = "the rule excuses the caller (a role, a service, the account's own automation); the call is the same, and who made it is judged by other facts"
	itsOwn    = "the rule excuses a change of one's own; the call counts, and whose credential it was is another fact"
	howMuch   = "the rule looks at the parameters (which selectors, which accounts, which policy); every such call counts, because it changes what can be seen or reached, and the report quotes it"
	atMany    = "the rule wants a pattern of such calls; each counts by itself"
	notDone   = "the call was refused, which the rule counts as an attempt; what was refused is counted among the refused calls, and nothing was read"
	notKept   = "a provider that is removed keeps nobody's access: it is no persistence, though worth an alert"
	elsewhere = "the record names another service for an API that only S3 has; the API is what counts"
	sibling   = "the record is another call of the same list, which another rule is about"
)

// differences are the tests in which our reading differs from the label, and why.
var differences = map[string]string{
	"AWS.CloudTrail.EventSelectorsDisabled: Event Selector Enabled":                                                howMuch,
	"AWS.CloudTrail.IAMCompromisedKeyQuarantine: PutUserPolicy-false":                                              sibling,
	"AWS.CloudTrail.IAMEntityCreatedWithoutCloudFormation: IAM Entity Created Automatically":                       whoMay,
	"AWS.CloudTrail.IAMEntityCreatedWithoutCloudFormation: IAM Entity Created Manually With Approved Role Pattern": whoMay,
	"AWS.CloudTrail.LoginProfileCreatedOrModified: ChangeOwnPassword":                                              itsOwn,
	"AWS.CloudTrail.RootAccessKeyCreated: Root Created Access Key For User":                                        howMuch,
	"AWS.IAM.AttachAdminUserPolicy: IAM User Policy Attached without Administrator Access":                         howMuch,
	"AWS.IAM.Backdoor.User.Keys: user1 create keys for user1":                                                      itsOwn,
	"AWS.Lambda.UpdateFunctionCode: AssumedRole Updates Lambda Code (Normal CI/CD)":                                whoMay,
	"AWS.Lambda.UpdateFunctionCode: AssumedRole Updates Lambda Code v2 (Normal CI/CD)":                             whoMay,
	"AWS.RDS.SnapshotShared: Snapshot shared with no accounts":                                                     howMuch,
	"AWS.S3.DeletePublicAccessBlock: Different S3 Event":                                                           sibling,
	"AWS.S3.DeletePublicAccessBlock: Non-S3 Event":                                                                 elsewhere,
	"AWS.SSM.DecryptSSMParams: Accessed Parameters Aren't Encrypted":                                               howMuch,
	"AWS.SecretsManager.BatchRetrieveSecretsCatchAll: BatchGetSecretValue Catch-All with other filters":            howMuch,
	"AWS.SecretsManager.RetrieveSecrets: GetSecretValue Denied":                                                    notDone,
	"AWS.SecretsManager.RetrieveSecretsMultiRegion: Non-batch GetSecretValue event - no match":                     atMany,
	"AWS.Suspicious.SAML.Activity: Activity from AWSSSO Service Managed Role":                                      whoMay,
	"AWS.Suspicious.SAML.Activity: DeleteSAMLProvider":                                                             notKept,
	"AWS.User.Login.Profile.Modified: ChangeOwnPassword":                                                           itsOwn,
	"AWS.User.Login.Profile.Modified: User changed password for other reset required":                              howMuch,
}

// The labelled events whose meaning our lists cover: the record goes through the store like every
// other, and what is read from it is held against the label.
func TestLabelledCallsMeanWhatTheirLabelsSay(t *testing.T) {
	var events []labelledEvent
	var records []map[string]any
	for _, e := range labelled(t, "panther-cloudtrail.jsonl") {
		if _, covered := meanings[e.Rule]; !covered || e.Log["eventName"] == nil {
			continue
		}
		// Tests share ids and times; here each is a record of its own.
		e.Log["eventID"], e.Log["eventTime"] = strconv.Itoa(len(events)), "2025-09-09T04:00:00Z"
		for name, value := range map[string]any{"eventVersion": "1.08", "eventType": "AwsApiCall", "awsRegion": "us-east-1", "recipientAccountId": "111122223333"} {
			if e.Log[name] == nil {
				e.Log[name] = value
			}
		}
		events, records = append(events, e), append(records, e.Log)
	}
	folder := t.TempDir()
	body, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "labelled.json"), body, 0o600); err != nil {
		t.Fatal(err)
	}
	st := store(t, local.Options{Name: "local"}, folder)
	at := time.Date(2025, 9, 9, 4, 0, 0, 0, time.UTC)
	a, err := st.Ask(t.Context(), query.Query{
		Dataset: query.CloudTrail, Window: query.Window{From: at.Add(-time.Hour), To: at.Add(time.Hour)},
		Select: []query.Field{"event_id", "api", "error_code"}, Limit: 10_000,
	})
	if err != nil || a.Outcome != evidence.Found || len(a.Rows) != len(events) {
		t.Fatalf("%d of %d records were read: %s, %v", len(a.Rows), len(events), a.Outcome, err)
	}
	lists := fact.ListsOfAPIs()
	labels := reading{explained: differences}
	for _, row := range a.Rows {
		n, err := strconv.Atoi(row[0].Text())
		if err != nil {
			t.Fatal(err)
		}
		e := events[n]
		labels.hold(e, slices.Contains(lists[meanings[e.Rule]], row[1].Text()) && row[2].Text() == "")
	}
	labels.end(t)
}
