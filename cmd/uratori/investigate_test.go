package main

import (
	"fmt"
	"slices"
	"testing"

	"uratori/finding"
)

// A finding that came in several versions is one case, of its newest.
func TestNewestVersion(t *testing.T) {
	version := func(id, updated string, count int) finding.Finding {
		fs, err := finding.Parse(fmt.Appendf(nil, `{"schemaVersion":"2.0","accountId":"111122223333","region":"ap-northeast-1","partition":"aws","id":%q,"arn":"arn:aws:guardduty:ap-northeast-1:111122223333:detector/d/finding/x",
			"type":"Discovery:IAMUser/AnomalousBehavior","severity":5,"title":"t","description":"d","createdAt":"2025-09-09T04:00:00.000Z","updatedAt":%q,
			"resource":{"resourceType":"AccessKey"},"service":{"serviceName":"guardduty","archived":false,"count":%d}}`, id, updated, count))
		if err != nil || len(fs) != 1 {
			t.Fatalf("%d findings, %v", len(fs), err)
		}
		return fs[0]
	}
	old, last, again, other := version("a", "2025-09-09T05:00:00.000Z", 1), version("a", "2025-09-09T07:00:00.000Z", 3), version("a", "2025-09-09T06:00:00.000Z", 2), version("b", "2025-09-09T05:00:00.000Z", 1)
	for _, tt := range []struct {
		list []finding.Finding
		want []int
	}{
		{[]finding.Finding{old, other, last, again}, []int{2, 1}},
		{[]finding.Finding{last, last, old}, []int{0}},
		{[]finding.Finding{other}, []int{0}},
		{nil, nil},
	} {
		if got := newest(tt.list); !slices.Equal(got, tt.want) {
			t.Errorf("of %d documents %v are investigated; want %v", len(tt.list), got, tt.want)
		}
	}
}
