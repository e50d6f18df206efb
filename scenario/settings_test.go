package scenario

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// The saved status of a trail agrees with the log: it tells the second at which the trail was
// stopped, and that nothing was delivered after it.
func TestTrailStatusAgreesWithTheLog(t *testing.T) {
	for _, v := range Variants() {
		s := scene(t, v.ID, 1)
		stopped := map[string]time.Time{}
		for _, l := range read(t, s, "cloudtrail-api") {
			if l.EventName == "StopLogging" {
				name := l.RequestParameters.Name
				stopped[name[strings.LastIndexByte(name, '/')+1:]] = l.time(t)
			}
		}
		n := 0
		for name := range s.Files {
			_, trail, ok := strings.Cut(strings.TrimSuffix(name, ".json"), "get-trail-status-")
			if !ok {
				continue
			}
			n++
			var status struct {
				IsLogging                           bool
				LatestDeliveryTime, StopLoggingTime time.Time
			}
			if err := json.Unmarshal(s.Files[name], &status); err != nil {
				t.Fatal(err)
			}
			at, was := stopped[trail]
			if status.IsLogging == was || !status.StopLoggingTime.Equal(at) || was && !status.LatestDeliveryTime.Before(at) {
				t.Errorf("%s: the status of %s is %+v; the log has it stopped %v, at %s", v.ID, trail, status, was, at)
			}
			for other, at := range stopped {
				if !was && !status.LatestDeliveryTime.After(at) {
					t.Errorf("%s: %s delivered last at %s, before %s was stopped at %s", v.ID, trail, status.LatestDeliveryTime, other, at)
				}
			}
		}
		if want := 1 + strings.Count("bcegh", v.ID); n != want {
			t.Errorf("%s: the status of %d trails; want %d", v.ID, n, want)
		}
	}
}

// Nobody calls the access portal with the tool of the session: a count of the tool's use that
// took the management account in would otherwise look right.
func TestThePortalIsUsedWithABrowser(t *testing.T) {
	for _, v := range Variants() {
		s, n := scene(t, v.ID, 1), 0
		for _, l := range read(t, s, "cloudtrail-api") {
			if l.RecipientAccountID != s.Truth.Facts["actor.identity_center_account"] {
				continue
			}
			n++
			if !strings.HasPrefix(l.UserAgent, "Mozilla/5.0 ") {
				t.Errorf("%s: %s at %s was called with %q", v.ID, l.EventName, l.EventTime, l.UserAgent)
			}
		}
		if n < 30 { // two events for each of 15 sessions
			t.Errorf("%s: %d portal events; want at least 30", v.ID, n)
		}
	}
}

// The truth has an address in the form in which it is printed. Seed 23701 draws a zero where
// the IPv6 address has its fourth group.
func TestAddressesAreCanonical(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, 23701} {
		for _, v := range Variants() {
			w := newWorld(v.ID, seed)
			for _, s := range []string{w.home, w.six, w.remote} {
				if ip, err := netip.ParseAddr(s); err != nil || ip.String() != s {
					t.Errorf("%s, seed %d: address %q is printed %v, %v", v.ID, seed, s, ip, err)
				}
			}
		}
	}
}
