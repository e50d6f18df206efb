package fact

import (
	"fmt"
	"slices"
	"strings"

	"uratori/evidence"
)

// The calls whose answers facts about accounts rest on (AWS Organizations API Reference).
const (
	tagsOfAccount    = "organizations:ListTagsForResource"
	parentsOfAccount = "organizations:ListParents"
	unitsOfAccount   = "organizations:DescribeOrganizationalUnit"
)

var lookedAccountDefs = []Def{
	{Key: "finding.account_ou", Looks: evidence.LookAccount, Rule: ofLooked(evidence.LookAccount, "finding.account_ou", []string{parentsOfAccount, unitsOfAccount}, accountOU), Type: Text, Kind: External, JA: "アカウントの組織単位", EN: "organisational unit", Says: "look-up: names of the account's organisational units, the outermost first"},
	{Key: "finding.account_tags", Looks: evidence.LookAccount, Rule: ofLooked(evidence.LookAccount, "finding.account_tags", []string{tagsOfAccount}, func(_ *view, b evidence.Body, ref Ref) result {
		return listed(tagged(b.Account.Tags), ref)
	}), Type: Texts, Kind: External, JA: "アカウントのタグ", EN: "tags of the account", Says: "look-up: tags of the account"},
	{Key: "finding.account_status", Looks: evidence.LookAccount, Rule: ofLooked(evidence.LookAccount, "finding.account_status", nil, func(_ *view, b evidence.Body, ref Ref) result {
		return toldLooked(b.Account.Status, ref)
	}), Type: Text, Kind: External, JA: "アカウントの状態", EN: "status of the account", Says: "look-up: status of the account in the organisation"},
}

func accountOU(_ *view, b evidence.Body, ref Ref) result {
	return toldLooked(strings.Join(b.Account.OUs, "/"), ref)
}

// An EnvironmentRule says which environment an account is of, by its id, its tag or one of its
// organisational units; by its tag it says so of a bucket or instance, too.
type EnvironmentRule struct {
	Account     string `json:",omitempty"` // id of the account, or
	Tag         string `json:",omitempty"` // key of a tag, and
	Value       string `json:",omitempty"` // its value
	OU          string `json:",omitempty"` // or the name of an organisational unit that it lies in
	Environment string // production, staging, development, sandbox, management, other
}

// environmentWords are values of tags and names of units as people write them. A rule of the
// configuration goes before them.
var environmentWords = map[string]string{
	"production": "production", "prod": "production", "prd": "production",
	"staging": "staging", "stage": "staging", "stg": "staging",
	"development": "development", "develop": "development", "dev": "development",
	"sandbox": "sandbox", "sandboxes": "sandbox", "sbx": "sandbox",
	"management": "management", "mgmt": "management",
}

// environmentTags are the keys of tags that name an environment.
var environmentTags = []string{"environment", "env"}

// environmentOfTags is the environment by tags: by the first rule of the configuration that fits,
// else by a tag that names one. ruled tells which.
func (v *view) environmentOfTags(tags []evidence.Tag) (env string, ruled bool) {
	for _, r := range v.st.Environments {
		for _, t := range tags {
			if r.Tag != "" && strings.EqualFold(r.Tag, t.Key) && strings.EqualFold(r.Value, t.Value) {
				return r.Environment, true
			}
		}
	}
	for _, t := range tags {
		word := environmentWords[strings.ToLower(t.Value)]
		if word != "" && slices.Contains(environmentTags, strings.ToLower(t.Key)) {
			return word, false
		}
	}
	return "", false
}

// lookedEnvironment is the environment by the account's tags, else by its innermost unit that
// says one. how is the rule that told it.
func lookedEnvironment(v *view, b evidence.Body) (env, how string) {
	for _, r := range v.st.Environments {
		for _, t := range b.Account.Tags {
			if r.Tag != "" && strings.EqualFold(r.Tag, t.Key) && strings.EqualFold(r.Value, t.Value) {
				return r.Environment, "look-up: tag of the account, by the configuration's rule"
			}
		}
		if r.OU != "" && slices.ContainsFunc(b.Account.OUs, func(ou string) bool { return strings.EqualFold(ou, r.OU) }) {
			return r.Environment, "look-up: organisational unit, by the configuration's rule"
		}
	}
	if word, _ := v.environmentOfTags(b.Account.Tags); word != "" {
		return word, "look-up: tag environment or env of the account"
	}
	for _, ou := range slices.Backward(b.Account.OUs) {
		if word := environmentWords[strings.ToLower(ou)]; word != "" {
			return word, "look-up: name of the account's organisational unit"
		}
	}
	return "", ""
}

// ofAccountLooked completes what the configuration does not say of the account. The
// configuration wins where both speak.
func ofAccountLooked(v *view, key Key, configured result, parts []string, get func(b evidence.Body) (result, bool)) result {
	if configured.state != Unknown {
		return configured
	}
	b, ref, why, ok := v.looked(evidence.LookAccount, key)
	if !ok {
		if ref == "" {
			return configured
		}
		why.from = append(why.from, configured.from...)
		if why.state == NotApplicable { // no account of the organisation
			return result{state: Unknown, gap: configured.gap, from: why.from}
		}
		return why
	}
	if why, ok := answered(b, ref, parts...); !ok {
		return why
	}
	r, told := get(b)
	if !told {
		return result{state: Unknown, gap: configured.gap, from: append(configured.from, ref)}
	}
	r.from = append(r.from, ref)
	return r
}

func accountName(v *view, _ string) result {
	a, _ := v.account()
	return ofAccountLooked(v, "finding.account_name", configured(a.Name), nil, func(b evidence.Body) (result, bool) {
		return result{state: Known, value: TextOf(b.Account.Name), rule: "look-up: name of the account in the organisation"}, b.Account.Name != ""
	})
}

func accountOwner(v *view, _ string) result {
	a, _ := v.account()
	return ofAccountLooked(v, "finding.account_owner", configured(a.Owner), []string{tagsOfAccount}, func(b evidence.Body) (result, bool) {
		for _, t := range b.Account.Tags {
			if strings.EqualFold(t.Key, "owner") && t.Value != "" {
				return result{state: Known, value: TextOf(t.Value), rule: "look-up: tag owner of the account"}, true
			}
		}
		return result{}, false
	})
}

func accountEnvironment(v *view, subject string) result {
	return ofAccountLooked(v, "finding.environment", findingEnvironment(v, subject), []string{tagsOfAccount, parentsOfAccount, unitsOfAccount}, func(b evidence.Body) (result, bool) {
		env, how := lookedEnvironment(v, b)
		if env == "" {
			return result{}, false
		}
		if !slices.Contains(choices("finding.environment"), env) {
			env = "other"
		}
		return result{state: Known, value: NameOf(env), rule: how}, true
	})
}

// accountContradictions are what the configuration and the organisation say differently.
func (v *view) accountContradictions(say func(text string, from ...Ref)) {
	a, known := v.account()
	b, ref, _, ok := v.looked(evidence.LookAccount, "finding.account_name")
	if !known || !ok {
		return
	}
	if a.Name != "" && b.Account.Name != "" && !strings.EqualFold(a.Name, b.Account.Name) {
		say("the configuration's name of the account is not the organisation's", settingsRef, ref)
	}
	if env, _ := lookedEnvironment(v, b); env != "" && a.Environment != "" && env != a.Environment {
		say(fmt.Sprintf("the configuration says that the account is %s, its tags or its unit say %s", a.Environment, env), settingsRef, ref)
	}
}
