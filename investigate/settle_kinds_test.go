package investigate_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uratori/fact"
	"uratori/finding"
	"uratori/policy"
	"uratori/scenario/kinds"
)

// unsettledFile lists the stories whose verdict does not leave inconclusive by what settle_now
// names, a line each. The list can only shrink: what is listed and settles fails, and so does what
// is not and does not.
const unsettledFile = "testdata/unsettled.txt"

// Every inconclusive story leaves inconclusive when exactly what settle_now names for the gaps that
// hold the verdict is added, again and again: the log that its missing twin lacks, and somebody's
// word. With every log there, only somebody's word may hold it. The findings that an attack sequence
// refers to are given when they are named, not before.
func TestSettlingEndsEveryStory(t *testing.T) {
	list, err := os.ReadFile(unsettledFile)
	if err != nil {
		t.Fatal(err)
	}
	var waiting []string
	for line := range strings.Lines(string(list)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			waiting = append(waiting, line)
		}
	}
	var mu sync.Mutex
	done, failed, open := map[string]bool{}, map[string]string{}, 0
	t.Run("stories", func(t *testing.T) {
		for _, of := range kinds.Told() {
			for _, twin := range kinds.AllTwins() {
				name := string(of) + " " + string(twin)
				t.Run(plainName(name), func(t *testing.T) {
					t.Parallel()
					inconclusive, why := settles(t, of, twin)
					mu.Lock()
					defer mu.Unlock()
					done[name] = true
					if inconclusive {
						open++
					}
					if why != "" {
						failed[name] = why
					}
				})
			}
		}
	})
	t.Logf("%d of %d stories were inconclusive; %d of them do not settle", open, len(done), len(failed))
	for _, name := range slices.Sorted(maps.Keys(done)) {
		switch listed := slices.Contains(waiting, name); {
		case failed[name] != "" && !listed:
			t.Errorf("%s: %s", name, failed[name])
		case failed[name] == "" && listed:
			t.Errorf("%s settles now; take it out of %s", name, unsettledFile)
		}
	}
	for _, name := range waiting {
		of, twin, _ := strings.Cut(name, " ")
		if !slices.Contains(kinds.Told(), finding.Type(of)) || !slices.Contains(kinds.AllTwins(), kinds.Twin(twin)) {
			t.Errorf("there is no story %s", name)
		}
	}
}

// settles tells whether a story was inconclusive, and if it does not leave that, why.
func settles(t *testing.T, of finding.Type, twin kinds.Twin) (inconclusive bool, why string) {
	t.Helper()
	w, _ := enterStory(t, of, twin)
	members := w.members
	w.members = nil
	first := assessed(t, w, nil)
	if first.Verdict() != policy.Inconclusive {
		return false, ""
	}
	decides := kinds.Decides(of)
	var whole *world // the same people, with the log that the missing twin lacks
	for _, answer := range []string{"mine", "not_mine"} {
		now, a, lacks := w, first, twin == kinds.Missing
		var said *fact.Testimony
		var added []string
		for a.Verdict() == policy.Inconclusive {
			held := gapKeys(a, a.HeldBy())
			if i := slices.IndexFunc(decides, func(k string) bool { return slices.Contains(held, k) }); i >= 0 && !lacks {
				return true, fmt.Sprintf("the log %s is whole, and still holds the verdict", decides[i])
			}
			more := false
			for _, settle := range toSettle(a) {
				if slices.Contains(added, settle) {
					continue
				}
				added = append(added, settle)
				switch kind, dataset, _ := strings.Cut(settle, " "); {
				case kind == "interview" && said == nil:
					at, _ := time.Parse(time.RFC3339, "2025-09-16T01:00:00Z")
					said, more = &fact.Testimony{Answer: answer, StepUp: true, Quote: "planned work", Time: at}, true
				case kind == "findings" && now.members == nil && members != nil:
					now.members, more = members, true
				case kind == "logs" && lacks && slices.Contains(decides, dataset):
					if whole == nil {
						other, _ := enterStory(t, of, kinds.Benign)
						whole = &other
					}
					now.tools, lacks, more = whole.tools, false, true
				}
			}
			if !more {
				return true, fmt.Sprintf("with %q and the answer %q it is still inconclusive (score %d), held by %q", added, answer, a.Score(), held)
			}
			a = assessed(t, now, said)
		}
	}
	return true, ""
}

func assessed(t *testing.T, w world, said *fact.Testimony) policy.Assessment {
	t.Helper()
	c, err := w.tools.Run(t.Context(), w.finding, w.members, said)
	if err != nil {
		t.Fatal(err)
	}
	return c.Assessment
}
