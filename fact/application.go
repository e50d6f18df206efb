package fact

import (
	"encoding/json"
	"strings"
	"time"

	"uratori/query"
)

// An application may act as a person: it exchanges the person's token of the identity provider
// for one of IAM Identity Center (CreateTokenWithIAM, AWS IAM Identity Center OIDC API
// Reference), and every later record names the person alone.
var applicationDefs = []Def{
	{Key: "chain.application", Asked: true, Rule: chainApplication, Type: Text, Kind: Observed, JA: "本人に代わるアプリケーション", EN: "application that obtained a token for the person", Says: "the newest successful CreateTokenWithIAM for the same Identity Store user within 12 hours before the session", Reads: applicationReads},
	{Key: "chain.application_time", Asked: true, Rule: chainApplicationTime, Type: Time, Kind: Observed, JA: "アプリケーションのトークン取得日時", EN: "token obtained", Says: "time of that call", Reads: applicationReads},
}

var applicationReads = []string{"event_time", "error_code", "user_arn", "in_scope_of", "raw:additionalEventData"}

// applicationGap is the key of its gap: the log of another account, where that matters less than
// in the finding's own.
const applicationGap = "application_log"

// application finds the call. Its record names the user in additionalEventData and the running
// code in userIdentity.inScopeOf.
func (v *view) application() (t table, row int, why result, ok bool) {
	t, why, ok = v.ask("chain.application", "")
	if !ok {
		if why.gap.Key == query.KindManagement {
			why.gap.Key = applicationGap
		}
		return t, 0, why, false
	}
	user, created := v.actorColumn("on_behalf_of"), v.sessionCreated()
	if user == "" {
		return t, 0, notApplicable(t.ref()), false
	}
	found := -1
	for i := range t.len() {
		var data map[string]any
		if json.Unmarshal([]byte(t.text(i, "raw:additionalEventData")), &data) != nil || data["identitystore:UserId"] != user {
			continue
		}
		lead := created.Sub(t.time(i, "event_time"))
		if t.text(i, "error_code") == "" && lead >= -time.Second && lead <= signInLead && (found < 0 || t.time(i, "event_time").After(t.time(found, "event_time"))) {
			found = i
		}
	}
	switch {
	case found < 0 && t.Exact:
		return t, 0, t.empty(), false
	case found < 0:
		return t, 0, unknown(applicationGap, t.ref()), false
	}
	return t, found, result{}, true
}

func chainApplication(v *view, _ string) result {
	t, i, why, ok := v.application()
	if !ok {
		return why
	}
	var scope struct{ CredentialsIssuedTo string }
	if json.Unmarshal([]byte(t.cell(i, "in_scope_of").Text()), &scope) == nil && strings.HasPrefix(scope.CredentialsIssuedTo, "arn:") {
		return known(TextOf(scope.CredentialsIssuedTo), t.row(i))
	}
	return known(TextOf(t.text(i, "user_arn")), t.row(i))
}

func chainApplicationTime(v *view, _ string) result {
	t, i, why, ok := v.application()
	if !ok {
		return why
	}
	return known(TimeOf(t.time(i, "event_time")), t.row(i))
}
