package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uratori/bundle"
	"uratori/evidence"
	"uratori/fact"
	"uratori/finding"
	"uratori/investigate"
	"uratori/investigate/truthtest"
	"uratori/scenario/kinds"
	"uratori/source/awstest"
)

// A settled case is a finding whose account is told of by AWS's own settings alone.
type settledCase struct {
	dir     string
	now     time.Time
	finding finding.Finding
	aws     *awstest.Server
}

// settled puts a finding and what AWS is set to behind a double, and writes the configuration that reaches it.
func settled(t *testing.T, of finding.Type, world func(f finding.Finding) awstest.World) *settledCase {
	t.Helper()
	story, err := kinds.Bare(of, 1)
	if err != nil {
		t.Fatal(err)
	}
	fs, err := finding.Parse(story.Files["finding.json"])
	if err != nil {
		t.Fatal(err)
	}
	c := &settledCase{dir: t.TempDir(), finding: fs[0], now: fs[0].Updated.Add(6 * time.Hour)}
	account, region := string(c.finding.Account), c.finding.Region
	c.aws = awstest.New(t, "organizations", "iam", "identitystore", "logs")
	c.aws.Regions(region, "us-east-1", awstest.Region)
	c.aws.Serve(world(c.finding))
	c.aws.Role(account, "uratori-member", externalID)
	base := c.aws.Base()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": base.AccessKeyID, "AWS_SECRET_ACCESS_KEY": base.SecretAccessKey, "AWS_SESSION_TOKEN": base.SessionToken,
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "", "HTTP_PROXY": "", "http_proxy": "",
		"TEST_EXTERNAL_ID": externalID,
	} {
		t.Setenv(name, value)
	}
	yaml := fmt.Sprintf(`language: en
environments:
  - {tag: Stage, value: live, environment: production}
  - {ou: Playground, environment: sandbox}
regions: [%s]
aws:
  region: %s
  role: arn:aws:iam::%s:role/uratori-reader
  member_role: uratori-member
  external_id: env:TEST_EXTERNAL_ID
  look_up: [account, bucket, instance]
  logs: [vpc_flow, dns, eks_audit, rds_audit, s3_access]
  endpoint: %q
sources:
  - {name: archive, type: local, logs: [logs]}
order: {vpc_flow: [archive], dns: [archive]}
`, region, region, awstest.Home, c.aws.URL())
	c.aws.Role(awstest.Home, "uratori-reader", "")
	if err := os.Mkdir(filepath.Join(c.dir, "logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"uratori.yaml": []byte(yaml), "finding.json": story.Files["finding.json"]} {
		if err := os.WriteFile(filepath.Join(c.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *settledCase) command(args ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &stdout, err: &stderr, getenv: os.Getenv, now: func() time.Time { return c.now }}
	status = a.command(context.Background(), args)
	return status, stdout.String(), stderr.String()
}

// investigate runs the command, proves that its report can be replayed and verified, and reads the case back.
func (c *settledCase) investigate(t *testing.T) (investigate.Case, string) {
	t.Helper()
	dir := filepath.Join(c.dir, "out")
	if status, out, errs := c.command("investigate", filepath.Join(c.dir, "finding.json"), "--config", filepath.Join(c.dir, "uratori.yaml"), "-o", dir); status != exitOK {
		t.Fatalf("exit status %d\n%s%s", status, out, errs)
	}
	for _, command := range [][]string{{"replay", dir}, {"verify", dir}} {
		if status, out, errs := c.command(command...); status != exitOK {
			t.Errorf("%s: exit status %d\n%s%s", command[0], status, out, errs)
		}
	}
	b, err := bundle.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	back, err := investigate.Replay(b)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.md"))
	if err != nil {
		t.Fatal(err)
	}
	return back, string(text)
}

// flowsOfOthers puts flow records of another interface of the account into the archive.
func (c *settledCase) flowsOfOthers(t *testing.T) {
	t.Helper()
	account, region := string(c.finding.Account), c.finding.Region
	dir := filepath.Join(c.dir, "logs", "AWSLogs", account, "vpcflowlogs", region)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status region\n")
	for at := c.finding.FirstSeen.Add(-48 * time.Hour); at.Before(c.finding.LastSeen.Add(48 * time.Hour)); at = at.Add(10 * time.Minute) {
		fmt.Fprintf(&b, "4 %s eni-0fedcba9876543210 10.0.9.8 10.0.9.9 50000 443 6 10 840 %d %d ACCEPT OK %s\n", account, at.Unix(), at.Add(time.Minute).Unix(), region)
	}
	name := fmt.Sprintf("%s_vpcflowlogs_%s_fl-0fedcba9876543210_%s_0123abcd.log", account, region, c.finding.FirstSeen.UTC().Format("20060102T1504Z"))
	if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c.now = c.finding.LastSeen.Add(72 * time.Hour)
}

// bruteForced is an instance without flow logs in a sandbox of the organisation that is tagged as production.
func bruteForced(f finding.Finding) awstest.World {
	account, region, i := string(f.Account), f.Region, f.Resource.Instance
	return awstest.World{
		Accounts: map[string]awstest.OrgAccount{account: {Name: "play", State: "ACTIVE", Parent: "ou-ab12-11111111", Joined: f.Created.AddDate(-1, 0, 0)}},
		Units:    map[string]awstest.OrgUnit{"ou-ab12-11111111": {Name: "Playground", Parent: "r-ab12"}},
		Instances: map[string]awstest.Instance{i.ID: {
			Account: account, Region: region, State: "running", Type: "t3.micro", VPC: i.VPC, Subnet: i.Subnet, Launched: f.Created.AddDate(0, -1, 0), Tags: [][2]string{{"Stage", "live"}},
			Groups: []awstest.SecurityGroup{{ID: "sg-0123456789abcdef0", Name: "web", Rules: []awstest.Rule{{Protocol: "tcp", From: 22, To: 22, Source: "::/0"}}}},
		}},
		VPCs: []awstest.VPC{{Account: account, Region: region, ID: i.VPC, Owner: account}, {Account: account, Region: region, ID: "vpc-0fedcba9876543210", Owner: account}},
		// The Region has a flow log, on another VPC.
		FlowLogs: []awstest.FlowLog{{Account: account, Region: region, ID: "fl-0123456789abcdef0", Resource: "vpc-0fedcba9876543210", Status: "ACTIVE", Created: f.Created.AddDate(-1, 0, 0)}},
	}
}

// An investigation without flow logs says that they are not collected, by AWS's own word, and the
// environments of account and instance come from the organisation and from tags.
func TestSettingsOfAWSAreTold(t *testing.T) {
	c := settled(t, "UnauthorizedAccess:EC2/SSHBruteForce", bruteForced)
	back, text := c.investigate(t)
	facts, i := back.Assessment.Facts(), c.finding.Resource.Instance
	for key, want := range map[string]string{
		"finding.environment": "sandbox", "finding.resource_environment": "production", "coverage.state@vpc_flow": "not_collected", "finding.account_ou": "Playground",
		"finding.instance_open_ports": "tcp 22 from ::/0 (sg-0123456789abcdef0)",
	} {
		name, subject, _ := strings.Cut(key, "@")
		if got := truthtest.Plain(facts.Get(fact.Key(name), subject)); got != want {
			t.Errorf("%s = %s; want %s", key, got, want)
		}
	}
	reason := fmt.Sprintf("%s, %s, %s: no flow log is on now", i.VPC, i.Subnet, strings.Join(i.Interfaces, ", "))
	if len(i.Interfaces) != 1 || !strings.Contains(text, reason) || !strings.Contains(text, logSettings) {
		t.Errorf("the report does not say %q", reason)
	}
	if !slices.ContainsFunc(back.Assessment.Facts().Evidence().Items(), func(it evidence.Item) bool {
		return it.Source == logSettings && strings.HasPrefix(it.Answer.Native, "ec2:DescribeFlowLogs") && bytes.Contains(it.Body, []byte("vpc-0fedcba9876543210"))
	}) {
		t.Error("what EC2 said of its flow logs is no evidence")
	}
	for _, want := range []string{"sandbox", "production_in_sandbox"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not name %s", want)
		}
	}

	// Records of another machine prove nothing of this one: no flow was logged, so none is told to be missing.
	for _, on := range []bool{false, true} {
		c = settled(t, "UnauthorizedAccess:EC2/SSHBruteForce", func(f finding.Finding) awstest.World {
			w := bruteForced(f)
			if on {
				w.FlowLogs[0].Resource = f.Resource.Instance.VPC
			}
			return w
		})
		c.flowsOfOthers(t)
		back, _ = c.investigate(t)
		f := back.Assessment.Facts().Get("network.flows", "")
		if on && truthtest.Plain(f) != "0" || !on && f.State != fact.Unknown {
			t.Errorf("with a flow log %v: %s flows with the peer", on, truthtest.Plain(f))
		}
	}

	// A refusal is not an absence.
	c = settled(t, "UnauthorizedAccess:EC2/SSHBruteForce", bruteForced)
	c.aws.Script(awstest.Fault{Service: "ec2", Operation: "DescribeFlowLogs", Do: awstest.Deny})
	back, text = c.investigate(t)
	if got := truthtest.Plain(back.Assessment.Facts().Get("coverage.state", "vpc_flow")); got != "unknown" || strings.Contains(text, "no flow log is on now") {
		t.Errorf("flow logs that nobody may ask for are %s", got)
	}

	// The doctor tells of the same settings, for all of the Region.
	c = settled(t, "UnauthorizedAccess:EC2/SSHBruteForce", func(f finding.Finding) awstest.World {
		w := bruteForced(f)
		w.FlowLogs = nil
		return w
	})
	config := filepath.Join(c.dir, "uratori.yaml")
	told, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(told, fmt.Sprintf("accounts: [{id: %q, name: play}]\n", c.finding.Account)...), 0o600); err != nil {
		t.Fatal(err)
	}
	c.aws.Tolerate() // of GuardDuty, which the doctor asks too, nothing is here
	_, out, errs := c.command("doctor", "--config", config, "--json")
	var said struct {
		Coverage []struct {
			Kind, Source, State string
			Why                 []string
		}
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	state := map[string]string{}
	for _, r := range said.Coverage {
		if r.Source == logSettings {
			state[r.Kind] = r.State + " " + strings.Join(r.Why, ",")
		}
	}
	for kind, want := range map[string]string{"vpc_flow": "not collected setting", "dns": "not collected setting", "rds_audit": "not collected not_held"} {
		if state[kind] != want {
			t.Errorf("the doctor says of %s %q; want %q\n%s", kind, state[kind], want, errs)
		}
	}
}

// Flow logs of the machine itself go to a log group that has forgotten the time of the event: nobody
// may say that they were not collected.
func TestWhatIsPastTheRetentionIsUnknown(t *testing.T) {
	for _, keeps := range []struct {
		days        int64
		gone, state string
	}{{1, "keeps it for 1 day", "unknown"}, {400, "", "unknown"}} {
		c := settled(t, "UnauthorizedAccess:EC2/SSHBruteForce", func(f finding.Finding) awstest.World {
			w := bruteForced(f)
			w.FlowLogs[0].Resource, w.FlowLogs[0].Group = f.Resource.Instance.VPC, "example-flows"
			w.LogGroups = []awstest.LogGroup{{Account: string(f.Account), Region: f.Region, Name: "example-flows", Days: keeps.days, Created: f.Created.AddDate(-2, 0, 0)}}
			return w
		})
		c.now = c.finding.LastSeen.Add(72 * time.Hour)
		back, text := c.investigate(t)
		if got := truthtest.Plain(back.Assessment.Facts().Get("coverage.state", "vpc_flow")); got != keeps.state {
			t.Errorf("flow logs that are kept for %d days are %s; want %s", keeps.days, got, keeps.state)
		}
		aged := 0
		for _, it := range back.Assessment.Facts().Evidence().Items() {
			if it.Source != logSettings || it.Scope.Kind != "vpc_flow" {
				continue
			}
			for _, cov := range it.Coverage {
				if cov.State == evidence.Unknown && cov.Why == evidence.WhyRetention {
					aged++
					if it.Answer.Outcome != evidence.Empty || !strings.Contains(it.Answer.Reason, keeps.gone) {
						t.Errorf("%s came to %s, %q", it.Question, it.Answer.Outcome, it.Answer.Reason)
					}
				}
			}
		}
		if forgotten := keeps.gone != ""; (aged > 0) != forgotten || strings.Contains(text, "past the retention") != forgotten || forgotten && !strings.Contains(text, keeps.gone) {
			t.Errorf("kept for %d days: %d stretches are past the retention, and the report says %v", keeps.days, aged, strings.Contains(text, "past the retention"))
		}
	}
}
