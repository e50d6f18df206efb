package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"uratori/strictyaml"
)

// A mistake is shown whole: place, what is wrong, what was probably meant, the line, the spot.
func TestMistakeIsShown(t *testing.T) {
	text := `accounts:
  - {id: "111122223333", name: a}
sources:
  - {name: splunk-prod, type: local, logs: [a]}
order: {cloudtrail: [splunk-prd]}
`
	_, err := Parse("uratori.yaml", []byte(text))
	const want = `uratori.yaml:5:22: source "splunk-prd" is not known; it is one of splunk-prod; did you mean "splunk-prod"?
    order: {cloudtrail: [splunk-prd]}
                         ~~~~~~~~~~`
	if fmt.Sprint(err) != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// remote is a file with one source of a type other than local.
func remote(kind, block string) string {
	return fmt.Sprintf("sources: [{name: a, type: %s, %s: {%s}}]", kind, kind, block)
}

// athena is a table with something more said of it.
func athena(more string) string {
	return remote("athena", "region: us-east-1, database: d, table: t, "+more)
}

// A secret that stands in the file by mistake is not shown again on a terminal or in a log.
func TestAMistakenSecretIsNotRepeated(t *testing.T) {
	for _, text := range []string{
		remote("splunk", "url: 'https://s.example', token: hunter2"),
		remote("splunk", "url: 'https://u:hunter2@splunk.example.co.jp'"),
		remote("splunk", "url: 'https://s.example', user: u, password: hunter2"),
		remote("entra", "tenant: t.example, client_id: 00000000-0000-4000-8000-000000000000, client_secret: 'hunter2:x'"),
		"aws: {external_id: hunter2}",
	} {
		if _, err := Parse("u.yaml", []byte(text)); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "u.yaml:1:") {
			t.Errorf("%s\n%v; want an error that names the place and not the secret", text, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	source := func(more string) string { return "sources: [{name: s, type: local, logs: [l]" + more + "}]" }
	change := func(members string) string { return "changes: [{" + members + "}]" }
	gap := func(more string) string { return "accepted_gaps: [{dataset: s3_data" + more + "}]" }
	for _, tt := range []struct{ text, want string }{
		{"languge: ja", `1:1: unknown key "languge"; did you mean "language"?`},
		{"language: jp", `1:11: language "jp" is not known; it is one of ja, en; did you mean "ja"?`},
		{"language: ja\nlanguage: en", `2:1: mapping key "language" already defined`},

		{"zone: Asia/Tokio", `1:7: unknown zone "Asia/Tokio"; use a name of the IANA database, such as "Asia/Tokyo" or "UTC"; did you mean "Asia/Tokyo"?`},
		{"zone: Local", `1:7: zone "Local" depends on the machine`},
		{`zone: "../../etc/passwd"`, `1:7: unknown zone`},
		{`hours: {from: "9:00"}`, `1:15: hours from: "9:00" is no time of day; write it as "09:00"`},
		{`hours: {to: "25:00"}`, `1:13: hours to: "25:00" is no time of day`},
		{`hours: {from: "18:00", to: "09:00"}`, "business hours 18:00 to 09:00 are empty"},
		{`hours: {from: "19:00"}`, "business hours 19:00 to 18:00 are empty"},
		{"hours: {days: [mon, tus]}", `1:21: day "tus" is not known; it is one of mon, tue, wed, thu, fri, sat, sun; did you mean "tue"?`},
		{"hours: {days: [mon, mon]}", `1:21: day "mon" stands twice`},
		{"hours: {days: []}", "1:15: a week without working days"},
		{"holidays: {country: US}", `1:21: the holidays of "US" are not known`},
		{"holidays: {extra: [{date: 2025-02-29, ja: x, en: x}]}", `1:27: "2025-02-29" is no date`},
		{"holidays: {extra: [{date: 2025-12-29, ja: x, en: x}, {date: 2025-12-29, ja: y, en: y}]}", `1:61: date "2025-12-29" stands twice`},
		{"holidays: {extra: [{date: 2025-12-29, ja: x}]}", "needs its name in both languages"},

		{`accounts: [{id: "11112222333"}]`, `1:17: account id "11112222333" is not 12 digits`},
		{"accounts: [{id: 011122223333}]", "put it in quotes: \"011122223333\""}, // YAML reads an octal number
		{`accounts: [{id: "１１１１２２２２３３３３"}]`, "is not 12 digits"},
		{"accounts: [{name: x}]", `1:13: account id "" is not 12 digits`},
		{"accounts: [{id: \"111122223333\"},\n {id: \"111122223333\"}]", `2:7: account "111122223333" stands twice`},
		{"accounts: [{id: \"111122223333\", name: a},\n {id: \"111122223334\", name: a}]", `2:29: account name "a" stands twice`},
		{`accounts: [{id: "111122223333", environment: prod}]`, `environment "prod" is not known; it is one of production`},
		{"identity_center: {region: ap-northeast-1}", `account id "" is not 12 digits`},
		{`identity_center: {account: "111122223333", region: tokyo}`, `1:52: "tokyo" is no AWS Region`},

		{`people: {contractor_prefixes: [""]}`, "everybody a contractor"},
		{"people: {known: [{display_name: x}]}", `upn "" is no user principal name`},
		{"people: {known: [{upn: a@b.example}, {upn: A@b.example}]}", `person "a@b.example" stands twice`},
		{"people: {known: [{upn: a@b.example, identity_store_user: u}, {upn: c@b.example, identity_store_user: u}]}", `Identity Store user "u" stands twice`},
		{"people: {known: [{upn: a@b.example, object_id: u}, {upn: c@b.example, object_id: u}]}", `object id "u" stands twice`},

		{"networks: [{name: a, cidr: 203.0.113.0/33}]", `1:28: "203.0.113.0/33" is no network`},
		{"networks: [{name: a, cidr: 203.0.113.7}]", `"203.0.113.7" is an address, not a network; write "203.0.113.7/32"`},
		{"networks: [{name: a, cidr: 203.0.113.7/24}]", "write 203.0.113.0/24 if the whole network is meant"},
		{`networks: [{name: a, cidr: "::ffff:203.0.113.0/120"}]`, "write it as IPv4"},
		{"networks: [{cidr: 203.0.113.0/24}]", "a network needs a name"},
		{"networks: [{name: a, cidr: 203.0.113.0/24}, {name: b, cidr: 203.0.113.0/24}]", `network "203.0.113.0/24" stands twice`},
		{"networks: [{name: a, cidr: 203.0.113.0/24, kind: ofice}]", `did you mean "office"?`},
		{"automation: [{arn: etl, name: x}]", `1:20: "etl" is no ARN such as`},
		{`automation: [{arn: "arn:aws:iam::111122223333:role/x"}]`, "an automation needs a name"},

		{"sources: [{type: local, logs: [l]}]", `"" is no name of a source`},
		{"sources: [{name: a b, type: local, logs: [l]}]", `"a b" is no name of a source`},
		{"sources: [{name: a, type: local, logs: [l]},\n {name: a, type: local, logs: [l]}]", `2:9: source "a" stands twice`},
		{"sources: [{name: a, logs: [l]}]", "a type is missing; it is one of local"},
		{"sources: [{name: a, type: splnk, logs: [l]}]", `type "splnk" is not known`},
		{"sources: [{name: a, type: splunk, logs: [l]}]", "logs and store belong to a source of type local"},
		{"sources: [{name: a, type: splunk}]", "needs a block splunk"},
		{"sources: [{name: a, type: local, logs: [l], splunk: {url: x}}]", "belongs to a source of that type"},
		{remote("splunk", "url: splunk"), `"splunk" is no address`},
		{remote("splunk", "url: 'http://splunk.example.co.jp:8089'"), "is not encrypted; write https"},
		{remote("splunk", "url: 'https://u:hunter2@splunk.example.co.jp'"), "an address holds no user and password"},
		{remote("splunk", "url: 'https://s.example', token: hunter2"), "it is no reference to a secret"},
		{remote("splunk", "url: 'https://s.example'"), "how to log in is missing"},
		{remote("splunk", "url: 'https://s.example', token: env:T, user: u"), "not both"},
		{remote("splunk", "url: 'https://s.example', token: env:T"), "no places are named"},
		{remote("splunk", "url: 'https://s.example', token: env:T, places: [{dataset: signin, index: '*', sourcetype: x}]"), `"*" is no name of an index`},
		{remote("splunk", "url: 'https://s.example', token: env:T, delay: soon, places: [{dataset: signin, index: a, sourcetype: x}]"), `"soon" is no length of time`},
		{remote("cloudtrail", "pages: 3"), "no account is named"},
		{remote("cloudtrail", "accounts: ['111122223333']"), "no Regions are named"},
		{remote("athena", "region: x"), `"x" is no AWS Region`},
		{remote("athena", "database: d, table: t"), "the Region of Athena is missing"},
		{remote("athena", "region: us-east-1, database: 'd\"; DROP', table: t"), "is no name of a database"},
		{remote("athena", "region: us-east-1, database: d, table: t, scan_all: true"), "bound it with max_bytes"},
		{athena("partitions: [{by: delivery, formats: [yyyy]}]"), "a partition needs columns"},
		{athena("partitions: [{columns: [day], by: dilivery}]"), `did you mean "delivery"?`},
		{athena("partitions: [{columns: [day], by: delivery}]"), "needs one format for each of its columns"},
		{athena("partitions: [{columns: [day], by: delivery, formats: ['2006/01/02']}]"), `"2006/01/02" is no format of a date`},
		{athena("partitions: [{columns: [a, b], by: account}]"), "has one column"},
		{athena("partitions: [{columns: [a], by: account, formats: [yyyy]}]"), "formats belong to a partition by delivery"},
		{athena("partitions: [{columns: ['a\"b'], by: account}]"), "is no name of a column"},
		{athena("accounts: [x]"), `account id "x" is not 12 digits`},
		{athena("regions: [x]"), `"x" is no AWS Region`},
		{athena("late: soon"), `"soon" is no length of time`},
		{athena("timeout: soon"), `"soon" is no length of time`},
		{athena("max_rows: -1"), "-1 is no number of rows"},
		{athena("concurrency: -1"), "-1 is no number of questions"},
		{remote("athena", "region: us-east-1, database: '.', table: '.'"), `"." is no name of a database`},
		{remote("entra", "tenant: t.example, client_id: 00000000-0000-4000-8000-000000000000, client_secret: env:S, max_pages: -1"), "-1 is no number of pages"},
		{remote("entra", "tenant: a/b"), `"a/b" is no tenant`},
		{remote("entra", "tenant: t.example, client_id: me"), `"me" is no id of an application`},
		{remote("entra", "tenant: t.example, client_id: 00000000-0000-4000-8000-000000000000"), "a reference to a secret is missing"},
		{`environments: [{environment: sandbox}]`, "told by one of account, tag with value, or ou"},
		{`environments: [{ou: a, tag: b, value: c, environment: sandbox}]`, "told by one of account, tag with value, or ou"},
		{`environments: [{tag: b, environment: sandbox}]`, "a tag and its value belong together"},
		{`environments: [{ou: a, value: c, environment: sandbox}]`, "a tag and its value belong together"},
		{`environments: [{account: "1", environment: sandbox}]`, `account id "1" is not 12 digits`},
		{`environments: [{ou: a, environment: prod}]`, `environment "prod" is not known; it is one of production`},
		{`environments: [{ou: a}]`, "a environment is missing"},
		{"environments: [{ou: a, environment: sandbox},\n {ou: A, environment: production}]", `2:7: environment of "organisational unit a" stands twice`},
		{"accounts: [{id: \"111122223333\", environment: sandbox}]\nenvironments: [{account: \"111122223333\", environment: production}]", `stands twice`},
		{`aws: {logs: [cloudtrail]}`, `kind of log "cloudtrail" is not known`},
		{"aws: {role: admin}", `"admin" is no ARN of a role`},
		{"aws: {look_up: [permission_set]}", `"" is no id of an identity store`},
		{"aws: {look_up: [permission_sets]}", "permission_set"},
		{"aws: {member_role: 'arn:aws:iam::111122223333:role/x'}", "write the name alone"},
		{"aws: {external_id: hunter2}", "it is no reference to a secret"},
		{"sources: [{name: a, type: local}]", `source "a" needs logs`},
		{`sources: [{name: a, type: local, logs: [""]}]`, "an empty path"},
		{source(", coverage: [{kind: s3, state: collected}]"), `kind of record "s3" is not known`},
		{source(", coverage: [{kind: s3_data}]"), "a state is missing; it is one of collected, not_collected, unknown"},
		{source(", coverage: [{kind: s3_data, state: colected}]"), `did you mean "collected"?`},
		{source(", coverage: [{kind: s3_data, state: collected, account: 1}]"), `account id "1" is not 12 digits`},
		{source(", coverage: [{kind: s3_data, state: collected, region: x}]"), `"x" is no AWS Region`},
		{source(", coverage: [{kind: s3_data, state: collected, why: because}]"), `reason "because" is not known`},
		{source(", coverage: [{kind: s3_data, state: collected, from: 2025-09-01}]"), `"2025-09-01" is no time such as`},
		{source(", coverage: [{kind: s3_data, state: collected, from: 2025-09-02T00:00:00Z, to: 2025-09-01T00:00:00Z}]"), "is not after the beginning"},
		{source(", script: [{dataset: cloudtrial, calls: 1, outcome: failed}]"), `did you mean "cloudtrail"?`},
		{source(", script: [{dataset: signin, calls: 1, outcome: broken}]"), `outcome "broken" is not known`},
		{source(", script: [{dataset: signin, outcome: failed}]"), `"" does not say which calls`},
		{source(", script: [{dataset: signin, calls: 0, outcome: failed}]"), `"0" does not say which calls`},
		{source(", script: [{dataset: signin, calls: 3-2, outcome: failed}]"), `"3-2" does not say which calls`},
		{source(", script: [{dataset: signin, calls: +1-, outcome: failed}]"), `"+1-" does not say which calls`},

		{"order: {cloudtrail: [s]}", `source "s" is not known; the file defines none`},
		{source("") + "\norder: {sigin: [s]}", `2:9: dataset "sigin" is not known; it is one of cloudtrail, signin, vpc_flow, dns, s3_access, eks_audit, rds_audit; did you mean "signin"?`},
		{source("") + "\norder:\n  signin: [s]\n  cloud trail: [s]", `dataset "cloud trail" is not known`},
		{source("") + "\norder: {signin: [s, s]}", `2:21: source "s" stands twice`},
		{source("") + "\norder: {signin: []}", "no source is named for signin"},

		{gap(", reason: r, approver: p"), "needs an end"},
		{gap(", approver: p, until: 2026-03-31"), "needs a reason"},
		{gap(", reason: r, until: 2026-03-31"), "needs an approver"},
		{gap(", reason: r, approver: p, until: 2026-02-30"), `"2026-02-30" is no date`},
		{gap(", reason: r, approver: p, until: 2026-03-31, accounts: [x]"), `account id "x" is not 12 digits`},
		{"accepted_gaps: [{dataset: s3, reason: r, approver: p, until: 2026-03-31}]", `1:27: kind of record "s3" is not known`},

		{change(""), `1:11: a change needs the id`},
		{change("id: C, approver: p"), "needs the calls"},
		{change("id: C, apis: [x]"), "needs an approver"},
		{change("id: C, approver: p, apis: [x], from: 2026-03-31, until: 2026-04-01"), `"2026-03-31" is no time such as`},
		{change(`id: C, approver: p, apis: [x], from: "2026-03-31T00:00:00Z", until: "2026-03-30T00:00:00Z"`), "ends before it begins"},
		{change(`id: C, approver: p, apis: [x], from: "2026-03-01T00:00:00Z", until: "2026-05-01T00:00:00Z"`), "at most 31 days"},
		{change(`id: C, approver: p, apis: [x], accounts: [x], from: "2026-03-01T00:00:00Z", until: "2026-03-02T00:00:00Z"`), `account id "x" is not 12 digits`},

		{"budget: {calls: 0}", "1:17: 0 is no bound; write a whole number from 1, or leave calls out"},
		{"budget: {rows: -1}", "-1 is no bound"},
		{"budget: {pages: 1.5}", "1.5 is no bound"},
		{"budget: {bytes: lots}", "lots is no bound"},
		{"budget: {bytes: 99999999999999999999}", "is no bound"},
		{"budget: {apis: {LookupEvents: 3}}", `"LookupEvents" is no name of an API`},
		{`budget: {apis: {"cloudtrail:LookupEvents": 0}}`, "0 is no bound"},
		{"budget: {per_day: {calls: 3}}", "needs dir"},
		{"budget: {per_day: {calls: x, dir: d}}", "x is no bound"},
		{"compare: -1", "-1 is no number of questions"},
		{"regions: [tokyo]", `"tokyo" is no AWS Region`},
		{"regions: [us-east-1, us-east-1]", "stands twice"},
		{"budget: {wall: 10}", `1:16: "10" is no length of time`},
		{"budget: {wall: -1s}", "is no length of time"},
	} {
		_, err := Parse("u.yaml", []byte(tt.text))
		var at *strictyaml.PosError
		if !errors.As(err, &at) {
			t.Errorf("%s\nis accepted or has no place: %v", tt.text, err)
			continue
		}
		if at.Line == 0 || !strings.HasPrefix(err.Error(), "u.yaml:") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\ngot  %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

// Whatever stands in the file, it is read or refused with its name.
func FuzzParse(f *testing.F) {
	f.Add(Example())
	f.Add(uncommented())
	for _, s := range []string{"", "\x00", "- 1", "order: {'a.b[0]': [x]}", "order: {\"$\": []}", "accounts: [~, {id: ~}]", "a: &a [*a]", "zone: \u202e", "people: {known: [{upn: '@'}]}", "budget: {calls: [1]}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Parse("u.yaml", data); err != nil && !strings.HasPrefix(err.Error(), "u.yaml") {
			t.Errorf("%q: an error without the file's name: %v", data, err)
		}
	})
}
