package scenario

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A line is one record of a log, decoded plainly: the tests count by themselves.
type line struct {
	EventID, EventName, EventTime, EventCategory, AwsRegion, ErrorCode, UserAgent, SourceIPAddress, RecipientAccountID string

	UserIdentity struct {
		Arn, AccessKeyID, PrincipalID string
		OnBehalfOf                    struct{ UserID string }
		SessionContext                struct{ Attributes struct{ CreationDate string } }
	}
	RequestParameters   struct{ Key, BucketName, RoleSessionName, Name string }
	ResponseElements    struct{ Credentials struct{ AccessKeyID string } }
	AdditionalEventData struct{ BytesTransferredOut int }
	ServiceEventDetails struct {
		AccountID string `json:"account_id"`
		RoleName  string `json:"role_name"`
	}

	CreatedDateTime, UserPrincipalName, IPAddress string
	Status                                        struct{ ErrorCode int }
}

func (l line) time(t testing.TB) time.Time {
	t.Helper()
	text := l.EventTime
	if text == "" {
		text = l.CreatedDateTime
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// read decodes every record of a source.
func read(t testing.TB, s Scenario, source string) []line {
	t.Helper()
	var out []line
	for name := range s.Files {
		if !strings.HasPrefix(name, "logs/"+source+"/") || !strings.HasSuffix(name, ".gz") {
			continue
		}
		text := plainText(t, s, name)
		if source != "splunk-prod" {
			var file struct{ Records []line }
			if err := json.Unmarshal(text, &file); err != nil {
				t.Fatal(err)
			}
			out = append(out, file.Records...)
			continue
		}
		for _, one := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			var l line
			if err := json.Unmarshal([]byte(one), &l); err != nil {
				t.Fatal(err)
			}
			out = append(out, l)
		}
	}
	return out
}

func keep(list []line, fits func(line) bool) (out []line) {
	for _, l := range list {
		if fits(l) {
			out = append(out, l)
		}
	}
	return out
}

// eventOf is the moment of the variant's event.
func eventOf(variant string) time.Time {
	if variant == "i" {
		return holiday
	}
	return reference
}

var tokyo = time.FixedZone("JST", 9*60*60)

func TestSignInsAreWhatTheTruthSays(t *testing.T) {
	for _, v := range Variants() {
		s, at := scene(t, v.ID, 1), eventOf(v.ID)
		facts := s.Truth.Facts
		own := keep(read(t, s, "splunk-prod"), func(l line) bool { return l.UserPrincipalName == facts["person.upn"] })
		got := map[string]any{"signin.total": len(own), "signin.success": 0, "signin.interrupted": 0, "baseline.midnight": 0}
		codes := []int{0, 50140, 50074, 50097, 50058}
		hours := map[int]int{}
		addresses := map[string]bool{}
		nights := map[time.Weekday]bool{}
		var last line
		for _, l := range own {
			when := l.time(t)
			if when.Before(at.Add(-30*24*time.Hour)) || !when.Before(at) {
				t.Errorf("%s: a sign-in at %s, outside the 30 days before %s", v.ID, when, at)
			}
			if !slices.Contains(codes, l.Status.ErrorCode) {
				t.Errorf("%s: code %d", v.ID, l.Status.ErrorCode)
			}
			key := "signin.interrupted"
			if l.Status.ErrorCode == 0 {
				key = "signin.success"
			}
			got[key] = got[key].(int) + 1
			h := when.In(tokyo).Hour()
			hours[h]++
			if h < 5 {
				got["baseline.midnight"] = got["baseline.midnight"].(int) + 1
				nights[when.In(tokyo).Weekday()] = true
			}
			addresses[l.IPAddress] = true
			last = l
		}
		peak := 0
		for h, n := range hours {
			if n > hours[peak] {
				peak = h
			}
		}
		got["signin.peak_hour"], got["signin.ip_count"] = peak, len(addresses)
		if v.ID != "g" {
			got["signin.nearest_ip"], got["signin.at_event_hour"] = last.IPAddress, hours[13]
			got["signin.minutes_to_nearest"] = int(at.Sub(last.time(t)) / time.Minute)
			if last.Status.ErrorCode != 0 {
				t.Errorf("%s: the sign-in before the session has code %d", v.ID, last.Status.ErrorCode)
			}
		}
		for key, n := range got {
			if n != facts[key] {
				t.Errorf("%s: the log has %s %v; the truth says %v", v.ID, key, n, facts[key])
			}
		}
		if v.ID != "h" {
			for _, d := range []time.Weekday{time.Tuesday, time.Wednesday, time.Thursday, time.Friday} {
				if !nights[d] {
					t.Errorf("%s: no sign-in at night on a %s", v.ID, d)
				}
			}
		}
	}
}

func TestCallsAreWhatTheTruthSays(t *testing.T) {
	for _, v := range Variants() {
		s, at := scene(t, v.ID, 1), eventOf(v.ID)
		facts := s.Truth.Facts
		all := read(t, s, "cloudtrail-api")
		if v.ID == "e" {
			all = unique(all)
		}
		member := keep(all, func(l line) bool { return l.RecipientAccountID == facts["finding.account"] })
		principal := keep(member, func(l line) bool { return l.UserIdentity.OnBehalfOf.UserID == facts["actor.on_behalf_of"] })
		var key string
		for _, l := range principal {
			if d := l.time(t).Sub(at).Abs(); d < 5*time.Minute {
				key = l.UserIdentity.AccessKeyID
			}
		}
		session := keep(principal, func(l line) bool { return l.UserIdentity.AccessKeyID == key })
		earlier := keep(principal, func(l line) bool { return l.UserIdentity.AccessKeyID != key })
		days, names := map[string]bool{}, map[string]bool{}
		for _, l := range earlier {
			days[l.time(t).In(tokyo).Format(time.DateOnly)] = true
			if l.SourceIPAddress == "" || !strings.HasPrefix(l.UserAgent, "aws-sdk-rust/1.3.8") {
				t.Errorf("%s: an earlier call from %q with %q", v.ID, l.SourceIPAddress, l.UserAgent)
			}
		}
		around := keep(principal, func(l line) bool { d := l.time(t).Sub(at); return d >= -24*time.Hour && d < 24*time.Hour })
		for _, l := range session {
			names[l.EventName] = true
		}
		got := map[string]any{
			"activity.total@session": len(session), "activity.distinct_apis@session": len(names), "activity.total@principal": len(around),
			"activity.errors@session": len(keep(session, func(l line) bool { return l.ErrorCode != "" })),
			"baseline.events":         len(earlier), "baseline.days_observed": len(days),
			"activity.own_logging_changes": len(keep(member, func(l line) bool { return l.EventName == "StopLogging" })),
			"activity.new_keys@session":    len(keep(session, func(l line) bool { return l.EventName == "CreateAccessKey" })),
		}
		for name, n := range got {
			if n != facts[name] {
				t.Errorf("%s: the log has %s %v; the truth says %v", v.ID, name, n, facts[name])
			}
		}

		// The chain: a portal event in the management account, then the role assumption in the
		// member account, to the second, with another key than the session's.
		created, err := time.Parse(time.RFC3339, session[0].UserIdentity.SessionContext.Attributes.CreationDate)
		if err != nil {
			t.Fatal(err)
		}
		portal := keep(all, func(l line) bool {
			d := created.Sub(l.time(t))
			return l.EventName == "GetRoleCredentials" && l.RecipientAccountID == facts["actor.identity_center_account"] && d >= 0 && d < 5*time.Minute &&
				l.UserIdentity.OnBehalfOf.UserID == facts["actor.on_behalf_of"] && l.ServiceEventDetails.AccountID == facts["finding.account"] && l.ServiceEventDetails.RoleName == facts["actor.permission_set"]
		})
		assumed := keep(member, func(l line) bool { return l.EventName == "AssumeRoleWithSAML" && l.time(t).Equal(created) })
		if len(portal) != 1 || len(assumed) != 1 {
			t.Fatalf("%s: %d portal events and %d role assumptions begin the session; want one each", v.ID, len(portal), len(assumed))
		}
		if a := assumed[0]; a.RequestParameters.RoleSessionName != facts["actor.session_name"] || a.ResponseElements.Credentials.AccessKeyID == key || a.SourceIPAddress == portal[0].SourceIPAddress {
			t.Errorf("%s: role assumption %+v", v.ID, a)
		}
	}
}

func unique(list []line) (out []line) {
	seen := map[string]bool{}
	for _, l := range list {
		if !seen[l.EventID] {
			seen[l.EventID] = true
			out = append(out, l)
		}
	}
	return out
}

func TestObjectsAreWhatTheTruthSays(t *testing.T) {
	for _, v := range Variants() {
		s, at := scene(t, v.ID, 1), eventOf(v.ID)
		data := keep(unique(read(t, s, "trail-archive")), func(l line) bool { return l.EventCategory == "Data" })
		if !strings.Contains("bcegh", v.ID) {
			if len(data) != 0 || s.Truth.Facts["impact.objects_read"] != nil {
				t.Errorf("%s: %d data events, which no trail records", v.ID, len(data))
			}
			continue
		}
		bytes, keys := 0, map[string]bool{}
		var last time.Time
		for _, l := range data {
			if d := l.time(t).Sub(at); d >= 0 && d < time.Hour && l.UserIdentity.OnBehalfOf.UserID != "" {
				bytes, keys[l.RequestParameters.Key] = bytes+l.AdditionalEventData.BytesTransferredOut, true
				if l.time(t).After(last) {
					last = l.time(t)
				}
			}
		}
		if want := s.Truth.Facts["impact.objects_read"]; len(keys) != want {
			t.Errorf("%s: %d objects read; the truth says %v", v.ID, len(keys), want)
		}
		if got, want := int(last.Sub(at)/time.Minute), s.Truth.Facts["impact.read_minutes"]; got != want {
			t.Errorf("%s: read for %d minutes; the truth says %v", v.ID, got, want)
		}
		if want, ok := s.Truth.Facts["impact.bytes_out"]; ok && bytes != want {
			t.Errorf("%s: %d bytes; the truth says %v", v.ID, bytes, want)
		}
		if v.ID != "c" {
			continue
		}
		stop := keep(read(t, s, "cloudtrail-api"), func(l line) bool { return l.EventName == "StopLogging" || l.EventName == "CreateAccessKey" })
		slices.SortFunc(stop, func(a, b line) int { return a.time(t).Compare(b.time(t)) })
		if len(stop) != 2 || stop[0].EventName != "StopLogging" || stop[0].time(t).Sub(last) != 6*time.Minute {
			t.Errorf("after the last read at %s: %+v; want StopLogging 6 minutes later, then a new key", last, stop)
		}
		if late := keep(data, func(l line) bool { return l.time(t).After(stop[0].time(t)) }); len(late) != 0 {
			t.Errorf("%d data events after the trail was stopped", len(late))
		}
	}
}

// Each log that is said to run has a record in every hour of the 30 days and of the day after.
func TestEveryHourHasNoise(t *testing.T) {
	for _, v := range Variants() {
		s, at := scene(t, v.ID, 1), eventOf(v.ID)
		for source, until := range map[string]time.Duration{"cloudtrail-api": 24 * time.Hour, "splunk-prod": time.Hour} {
			counts := map[time.Time]int{}
			for _, l := range read(t, s, source) {
				counts[l.time(t).Truncate(time.Hour)]++
			}
			if v.ID == "g" && source == "splunk-prod" {
				least := 1 << 30
				for h := at.Add(-30 * 24 * time.Hour).Truncate(time.Hour); h.Before(at.Add(-24 * time.Hour)); h = h.Add(time.Hour) {
					least = min(least, counts[h])
				}
				empty := 0
				for h := at.Add(-6 * time.Hour).Truncate(time.Hour); h.Before(at.Add(3 * time.Hour)); h = h.Add(time.Hour) {
					if counts[h] == 0 {
						empty++
					}
				}
				if least < 5 || empty != 6 || counts[at.Truncate(time.Hour)] != 0 {
					t.Errorf("(g): a hole of %d hours where other days have at least %d an hour; want 6 over the event and at least 5", empty, least)
				}
				continue
			}
			for h := at.Add(-30 * 24 * time.Hour).Truncate(time.Hour); h.Before(at.Add(until)); h = h.Add(time.Hour) {
				if counts[h] == 0 {
					t.Fatalf("%s: %s has nothing in the hour from %s", v.ID, source, h)
				}
			}
		}
	}
}

func TestDuplicatesAndOrder(t *testing.T) {
	b, e := scene(t, "b", 1), scene(t, "e", 1)
	again := 0
	for _, source := range []string{"cloudtrail-api", "trail-archive"} {
		once, twice := read(t, b, source), read(t, e, source)
		if len(unique(once)) != len(once) {
			t.Errorf("%s of (b) holds %d duplicates", source, len(once)-len(unique(once)))
		}
		if share := float64(len(twice)-len(once)) / float64(len(once)); share < 0.19 || share > 0.2 {
			t.Errorf("%s of (e) delivers %.3f again; want a fifth", source, share)
		}
		again += len(twice) - len(once)
		late := 0
		for i := 1; i < len(twice); i++ {
			if twice[i].time(t).Before(twice[i-1].time(t)) {
				late++
			}
		}
		if late < len(twice)/4 {
			t.Errorf("%s of (e) is out of order in only %d places of %d", source, late, len(twice))
		}
		byID := func(a, b line) int { return strings.Compare(a.EventID, b.EventID) }
		got := unique(twice)
		slices.SortFunc(once, byID)
		slices.SortFunc(got, byID)
		if diff := cmp.Diff(once, got); diff != "" {
			t.Errorf("%s of (e) without duplicates is not (b)'s:\n%s", source, diff[:min(len(diff), 1000)])
		}
	}
	if again != e.Truth.Facts["quality.duplicates_removed"] {
		t.Errorf("%d records come again; the truth says %v", again, e.Truth.Facts["quality.duplicates_removed"])
	}
}

// Where a variant is another one besides something, their truths agree besides that.
func TestTruthsAgree(t *testing.T) {
	for _, v := range Variants() {
		s := scene(t, v.ID, 1)
		if s.Truth.SameAs == "" {
			continue
		}
		besides := func(facts map[string]any) map[string]any {
			out := map[string]any{}
			for k, f := range facts {
				if !slices.ContainsFunc(s.Truth.Differs, func(d string) bool { return strings.HasPrefix(k, d) }) {
					out[k] = f
				}
			}
			return out
		}
		other := scene(t, s.Truth.SameAs, 1).Truth
		if diff := cmp.Diff(besides(other.Facts), besides(s.Truth.Facts)); diff != "" {
			t.Errorf("%s and %s:\n%s", s.Truth.SameAs, v.ID, diff)
		}
		if other.Verdict != s.Truth.Verdict || other.Score != s.Truth.Score || other.Confidence != s.Truth.Confidence || other.Urgency != s.Truth.Urgency {
			t.Errorf("%s is %s %d %s %s, %s is not", v.ID, s.Truth.Verdict, s.Truth.Score, s.Truth.Confidence, s.Truth.Urgency, s.Truth.SameAs)
		}
	}
	a, f := scene(t, "a", 1), scene(t, "f", 1)
	for name, data := range a.Files {
		if strings.HasPrefix(name, "logs/") && string(f.Files[name]) != string(data) {
			t.Errorf("(f) has another %s than (a)", name)
		}
	}
	if config := string(f.Files["uratori.yaml"]); !strings.Contains(config, "outcome: failed") || !strings.Contains(config, "outcome: denied") {
		t.Error("(f) has no script")
	}
}
