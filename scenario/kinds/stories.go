package kinds

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"uratori/finding"
)

// A Twin is one of three stories with the same finding type: what was detected was our own
// people's doing; an attacker's; or ours again, with the log that would tell missing.
type Twin string

// The twins.
const (
	Benign    Twin = "benign"
	Malicious Twin = "malicious"
	Missing   Twin = "missing"
	None      Twin = "none" // no twin: the finding alone, without any log
)

// AllTwins are the twins, in order.
func AllTwins() []Twin { return []Twin{Benign, Malicious, Missing} }

// Expect is what a correct report comes to, by reasoning and before any run.
type Expect struct {
	Verdicts []string `json:"verdicts"`           // one of these: benign, inconclusive, suspicious, malicious
	AtLeast  string   `json:"at_least,omitempty"` // band of the risk: Low, Medium, High, Critical; "" is open
	AtMost   string   `json:"at_most,omitempty"`
	// Confidence is Low, Medium or High where the log at hand allows no more and no less; "" is open.
	Confidence string   `json:"confidence,omitempty"`
	Missing    []string `json:"missing,omitempty"` // kinds of record that required evidence lacks
	Gap        string   `json:"gap,omitempty"`     // kind of record whose gap is to be named
	Seen       []string `json:"seen,omitempty"`    // kinds of record that are there, so that no gap may be named for them
	Because    string   `json:"because"`           // the reason, in a sentence
}

// A Story is a finding with the logs beside it, a configuration, and what is expected.
type Story struct {
	Type   finding.Type
	Twin   Twin
	Seed   uint64
	Files  map[string][]byte // relative path -> content
	Expect Expect
}

// MembersName is the file of the findings that the signals of an attack sequence refer to, as
// GetFindings answers for them.
const MembersName = "members.json"

// Name is the story in one word.
func (s Story) Name() string { return string(s.Type) + " " + string(s.Twin) }

// Told are the types that have stories, by family and in the order of the plots.
func Told() []finding.Type {
	var out []finding.Type
	for _, p := range plots {
		out = append(out, p.of)
	}
	return out
}

// Decides are the kinds of record that decide a type's stories: the missing twin lacks them, the
// others hold them.
func Decides(of finding.Type) []string {
	i := slices.IndexFunc(plots, func(p plot) bool { return p.of == of })
	if i < 0 {
		return nil
	}
	return slices.Clone(plots[i].decides)
}

// Bare is a type's finding with no log beside it: what is expected is that the report says so.
func Bare(of finding.Type, seed uint64) (Story, error) {
	d, err := Generate(of, Options{Seed: seed})
	if err != nil {
		return Story{}, err
	}
	s := Story{Type: of, Twin: None, Seed: d.cast.seed, Files: map[string][]byte{}, Expect: Expect{
		Verdicts: []string{"inconclusive", "suspicious"}, Gap: Needs(of)[0], Because: "There is no log: only what the finding itself says is known, and nothing may be called harmless.",
	}}
	if err := s.write(d, &tale{cast: d.cast}); err != nil {
		return Story{}, fmt.Errorf("tell %s: %w", s.Name(), err)
	}
	return s, nil
}

// Tell makes a story. A type without one, and a twin that is none, are errors.
func Tell(of finding.Type, twin Twin, seed uint64) (Story, error) {
	i := slices.IndexFunc(plots, func(p plot) bool { return p.of == of })
	if i < 0 {
		return Story{}, fmt.Errorf("no logs are written for the type %.100q", of)
	}
	p := plots[i]
	expect, ok := map[Twin]Expect{Benign: p.benign, Malicious: p.malicious, Missing: p.missing}[twin]
	without, hostile := []string(nil), twin == Malicious
	switch more, is := further(of, twin); {
	case is:
		expect, without, hostile = more.expect, more.without, more.hostile
	case !ok:
		return Story{}, fmt.Errorf("no twin %.40q; twins are benign, malicious and missing, and for some types others", twin)
	case twin == Missing:
		without = p.decides
	default:
		expect.Seen = p.decides
	}
	d, err := Generate(of, Options{Seed: seed, Benign: !hostile})
	if err != nil {
		return Story{}, err
	}
	t := &tale{cast: d.cast, logs: map[string]*log{}}
	p.tell(t)
	if more, is := further(of, twin); is && more.recount != nil {
		more.recount(t)
	}
	s := Story{Type: of, Twin: twin, Seed: seed, Files: map[string][]byte{}, Expect: expect}
	for _, kind := range without {
		delete(t.logs, kind)
	}
	if err := s.write(d, t); err != nil {
		return Story{}, fmt.Errorf("tell %s: %w", s.Name(), err)
	}
	return s, nil
}

// write makes the story's files.
func (s *Story) write(d Document, t *tale) error {
	for _, kind := range slices.Sorted(maps.Keys(t.logs)) {
		if err := d.cast.deliver(s.Files, *t.logs[kind]); err != nil {
			return err
		}
	}
	if t.logs["cloudtrail_management"] != nil {
		if err := t.trailSettings(s.Files); err != nil {
			return err
		}
	}
	var err error
	if s.Files["finding.json"], err = d.JSON(EventBridge); err != nil {
		return err
	}
	if members := d.cast.members(); members != nil {
		if s.Files[MembersName], err = together(members); err != nil {
			return err
		}
	}
	if s.Files["truth.json"], err = indent(s.Expect); err != nil {
		return err
	}
	s.Files["uratori.yaml"] = []byte(d.cast.config())
	if s.Twin == Recorded {
		s.Files["uratori.yaml"] = append(s.Files["uratori.yaml"], d.cast.announcement()...)
	}
	return nil
}

// together are findings as one answer of GetFindings.
func together(members []Document) ([]byte, error) {
	var all list
	for _, m := range members {
		all = append(all, m.api())
	}
	return indent(object{"Findings": all})
}

// config is the configuration that a story is investigated with.
func (c *cast) config() string {
	return fmt.Sprintf(`# The configuration of this story.
language: ja
zone: Asia/Tokyo
hours: {from: "09:00", to: "18:00", days: [mon, tue, wed, thu, fri]}
holidays: {country: JP}
accounts:
  - {id: "%s", name: %s, environment: production, owner: クラウド基盤部}
  - {id: "%s", name: identity-management, environment: management, owner: 情報システム部}
people:
  known:
    - upn: %s
      identity_store_user: "%s"
      object_id: "%s"
      display_name: %s
      department: クラウド基盤部
      enabled: true
identity_center: {account: "%s", region: %s}
networks:
  - {name: office-egress, cidr: 203.0.113.0/24, kind: office}
sources:
  - name: logs
    type: local
    logs: [logs]
`, c.account, c.accountName, c.management, c.upn, c.storeUser, c.objectID, c.display, c.management, c.region)
}

// A plot is one type's three stories: how its logs are written, which kinds of record decide it,
// and what is expected of each.
type plot struct {
	of                         finding.Type
	decides                    []string
	tell                       func(*tale)
	benign, malicious, missing Expect
}

// The usual expectations. A sentence says why.
func harmless(because string) Expect {
	return Expect{Verdicts: []string{"benign"}, AtMost: "Low", Because: because}
}

// open is a story that logs alone cannot close: somebody has to be asked.
func open(because string) Expect {
	return Expect{Verdicts: []string{"inconclusive"}, Because: because}
}

// caught is an attack that shows in two independent ways.
func caught(because string) Expect {
	return Expect{Verdicts: []string{"malicious"}, AtLeast: "High", Because: because}
}

// alarming is an attack, or what cannot be told from one.
func alarming(because string) Expect {
	return Expect{Verdicts: []string{"suspicious", "malicious"}, AtLeast: "High", Because: because}
}

// unseen is the story without the log that decides: never benign, and the gap is named.
func unseen(kind, because string) Expect {
	return Expect{Verdicts: []string{"inconclusive"}, Missing: []string{kind}, Gap: kind, Because: because}
}

// listed is an unseen story in which the address or the domain stands on a list: missing logs
// never lower that.
func listed(kind, because string) Expect {
	return Expect{Verdicts: []string{"suspicious"}, AtLeast: "High", Gap: kind, Because: because}
}

// management and the rest are kinds of record, as coverage is told.
const (
	management = "cloudtrail_management"
	s3Data     = "s3_data"
	bedrock    = "bedrock_data"
	lambdaData = "lambda_data"
	vpcFlow    = "vpc_flow"
	dnsLog     = "dns"
	eksAudit   = "eks_audit"
	rdsAudit   = "rds_audit"
)

// Needs are the kinds of record that an expert would look at first for a type, and misses in a
// report where there are none (data sources of the GuardDuty User Guide). The first is the log
// GuardDuty itself read, where customers can have it.
func Needs(of finding.Type) []string {
	info, _ := finding.Lookup(of)
	switch info.Family {
	case "s3":
		if strings.Contains(info.DataSource, "management") {
			return []string{management}
		}
		return []string{s3Data}
	case "malware_s3":
		return []string{s3Data}
	case "ec2":
		if info.DataSource == "DNS logs" {
			return []string{dnsLog}
		}
		return []string{vpcFlow}
	case "runtime":
		c := cast{info: info}
		if c.isDNS() {
			return []string{dnsLog}
		}
		return []string{vpcFlow}
	case "lambda":
		return []string{management}
	case "eks_audit":
		return []string{eksAudit}
	case "rds":
		return []string{rdsAudit}
	case "ai":
		return []string{bedrock}
	case "attack_sequence":
		switch of.Resource() {
		case "S3":
			return []string{s3Data}
		case "EKS":
			return []string{eksAudit}
		case "EC2":
			return []string{vpcFlow}
		}
		return []string{management}
	default: // iam, cdr, malware of volumes and backups
		return []string{management}
	}
}

// minutes after the story's first moment.
func (c *cast) after(n int) time.Time { return c.at.Add(time.Duration(n) * time.Minute) }

// Write writes the story's files under dir. The folder of logs is there also when it is empty.
func (s Story) Write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o755); err != nil {
		return fmt.Errorf("write story: %w", err)
	}
	for name, data := range s.Files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("write story: %w", err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return fmt.Errorf("write story: %w", err)
		}
	}
	return nil
}
