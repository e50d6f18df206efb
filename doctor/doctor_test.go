package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/evidence"
	"uratori/playbook"
	"uratori/policy"
	"uratori/query"
	"uratori/source"
)

var week = query.Window{From: time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 9, 8, 0, 0, 0, 0, time.UTC)}

// A place tells of each kind what it is told to.
type fake struct {
	name  string
	cover map[string][]evidence.Coverage // by kind
	err   error
}

func (f fake) Name() string { return f.name }
func (f fake) Covers(_ context.Context, s query.Scope) ([]evidence.Coverage, error) {
	return f.cover[s.Kind], f.err
}

func (f fake) Ask(context.Context, query.Query) (evidence.Answer, error) {
	panic("the doctor asks no question")
}

func days(from, to int, state evidence.State, why evidence.Reason) evidence.Coverage {
	return evidence.Coverage{Window: query.Window{From: week.From.AddDate(0, 0, from), To: week.From.AddDate(0, 0, to)}, State: state, Why: why}
}

func TestTable(t *testing.T) {
	splunk := fake{name: "splunk", cover: map[string][]evidence.Coverage{
		query.KindSignIn:     {days(0, 6, evidence.Collected, evidence.WhyRecords), days(6, 7, evidence.Unknown, evidence.WhyDelay)},
		query.KindManagement: {days(0, 3, evidence.Collected, evidence.WhyRecords), days(3, 7, evidence.Unknown, evidence.WhyHole)},
		query.KindS3Data:     {days(0, 7, evidence.NotCollectedState, evidence.WhyNoTrail)},
	}}
	down := fake{name: "api", err: errors.New("connection refused")}
	rows, err := Table(t.Context(), []source.Source{splunk, down}, map[query.Dataset][]string{query.SignIn: {"splunk"}}, []Place{{"111122223333", "ap-northeast-1"}}, week)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		why := make([]string, len(r.Why))
		for i, w := range r.Why {
			why[i] = string(w)
		}
		got = append(got, strings.TrimSpace(strings.Join([]string{r.Kind, r.Account, r.Source, string(r.State), strings.Join(why, "+"), r.Error}, " ")))
	}
	want := []string{
		"cloudtrail_management 111122223333 splunk partly hole+records",
		"cloudtrail_management 111122223333 api unknown  connection refused",
		"s3_data 111122223333 splunk not collected no_trail",
		"s3_data 111122223333 api unknown  connection refused",
	}
	for _, k := range query.Kinds()[2:] { // of which nobody tells anything
		switch {
		case k.Kind == query.KindSignIn:
			want = append(want, "signin  splunk collected records")
		case k.Dataset == query.SignIn:
			want = append(want, k.Kind+"  splunk unknown")
		default:
			want = append(want, k.Kind+" 111122223333 splunk unknown", k.Kind+" 111122223333 api unknown  connection refused")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if rows[0].Percent != 42 {
		t.Errorf("three of seven days are %d %%", rows[0].Percent)
	}
}

func TestCosts(t *testing.T) {
	books, err := playbook.Default()
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Default()
	if err != nil {
		t.Fatal(err)
	}
	rows := []Row{
		{Kind: query.KindManagement, Source: "a", State: Collected},
		{Kind: query.KindS3Data, Source: "a", State: NotCollected},
		{Kind: query.KindS3Data, Source: "b", State: Partly},
		{Kind: query.KindSignIn, Source: "a", State: Unknown},
		{Kind: query.KindSignIn, Source: "b", State: Collected},
	}
	costs := Costs(rows, books, p)
	if len(costs) != 1 || costs[0].Kind != query.KindS3Data {
		t.Fatalf("costs %+v; want that of s3_data alone", costs)
	}
	c := costs[0]
	if !slices.Contains(c.Questions, "objects") || c.What.EN == "" || len(c.SwitchOn) == 0 {
		t.Errorf("cost %+v; want the question objects, and what to switch on", c)
	}
	// A finding about a bucket's settings rests on management events: so S3 is not lost with its data events.
	if slices.Contains(c.Never, "s3") {
		t.Errorf("never benign: %v", c.Never)
	}
	if m := CostOf(query.KindManagement, books, p); !slices.Contains(m.Never, "iam") {
		t.Errorf("without management events no credential finding can be judged benign; got %v", m.Never)
	}
}

func TestWhatIsJudged(t *testing.T) {
	now := time.Date(2025, 9, 9, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		c    Check
		want Level
	}{
		{Expiry("x", time.Time{}, now), Unseen},
		{Expiry("x", now.AddDate(0, 0, -1), now), Wrong},
		{Expiry("x", now, now), Wrong},
		{Expiry("x", now.AddDate(0, 0, 29), now), Warning},
		{Expiry("x", now.AddDate(0, 0, 30), now), Good},
		{Clock("x", time.Time{}, now), Unseen},
		{Clock("x", now.Add(59*time.Second), now), Good},
		{Clock("x", now.Add(-time.Minute), now), Warning},
		{Expiry("x", now.AddDate(0, 0, 10), now), Warning},
		{Temporary("x", now.Add(time.Hour), now), Good},
		{Temporary("x", now, now), Wrong},
		{Temporary("x", time.Time{}, now), Unseen},
		{KeyAge("x", now.AddDate(0, 0, -1), now), Warning},
		{Frequency("x", "FIFTEEN_MINUTES"), Good},
		{Frequency("x", "ONE_HOUR"), Warning},
		{Frequency("x", "SIX_HOURS"), Warning},
		{Frequency("x", "SOME_DAY"), Warning},
		{Retention("x", "eks_audit", "111122223333", "ap-northeast-1", "/aws/eks/a/cluster", 0), Good},
		{Retention("x", "eks_audit", "111122223333", "ap-northeast-1", "/aws/eks/a/cluster", 29), Warning},
		{Retention("x", "eks_audit", "111122223333", "ap-northeast-1", "/aws/eks/a/cluster", 30), Good},
		{Surplus("x", []string{"a"}, Same("take it away")), Warning},
	} {
		c := tt.c
		if c.Level != tt.want || c.Says.JA == "" || c.Says.EN == "" || (c.Level >= Warning) != (c.Mend.EN != "") || (c.Mend.EN != "") != (c.Mend.JA != "") || strings.Contains(c.Says.EN+c.Says.JA+c.Mend.EN+c.Mend.JA, "%!") {
			t.Errorf("%+v; want %s, and a mend where something is wrong", tt.c, tt.want)
		}
	}
}
