package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// The busiest principal of the invented log, its credential, and the call of the finding.
const (
	benchKey   = "AKIAEXAMPLE00000"
	benchStart = "2025-08-01T00:00:00Z"
	benchEvent = "2025-08-20T04:20:05Z"
)

// writeLogs writes n invented CloudTrail events over 30 days as gzip files: one event in ten is of
// the finding's principal, the others of 500 principals with 2,000 credentials.
func writeLogs(b *testing.B, dir string, n int) {
	rng := rand.New(rand.NewPCG(1, 2))
	start, err := time.Parse(time.RFC3339, benchStart)
	if err != nil {
		b.Fatal(err)
	}
	apis := []string{"ListBuckets", "GetObject", "DescribeInstances", "AssumeRole", "GetCallerIdentity", "ListUsers", "PutObject", "DescribeVpcs", "GetBucketAcl", "LookupEvents"}
	services := []string{"s3", "s3", "ec2", "sts", "sts", "iam", "s3", "ec2", "s3", "cloudtrail"}
	record := func(w io.Writer, at time.Time, api, user, key, ip string) {
		fmt.Fprintf(w, `{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","principalId":"AIDA%s","arn":"arn:aws:iam::111122223333:user/%s","accountId":"111122223333","accessKeyId":%q,"userName":%q},"eventTime":%q,"eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"ap-northeast-1","sourceIPAddress":%q,"userAgent":"aws-cli/2.17.1 md/awscrt#0.20.11 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.9","requestParameters":{"maxResults":%d,"filterSet":{"items":[{"name":"tag:team","valueSet":{"items":[{"value":"example-%d"}]}}]}},"responseElements":null,"requestID":"%016X%016X","eventID":"%08x-%04x-4000-a000-%012x","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"example.ap-northeast-1.amazonaws.com"}}`,
			user, user, key, user, at.Format(time.RFC3339), services[0], api, ip, rng.IntN(1000), rng.IntN(100), rng.Uint64(), rng.Uint64(), rng.Uint32(), rng.Uint32()&0xffff, rng.Uint64()&0xffffffffffff)
	}
	const each = 5000
	for from := 0; from < n; from += each {
		var text bytes.Buffer
		text.WriteString(`{"Records":[`)
		for i := from; i < min(n, from+each); i++ {
			if i > from {
				text.WriteByte(',')
			}
			at := start.Add(time.Duration(i) * (30 * 24 * time.Hour / time.Duration(n))).Truncate(time.Second)
			k := rng.IntN(len(apis))
			user, key := fmt.Sprintf("user%03d", rng.IntN(500)), fmt.Sprintf("AKIAEXAMPLE%05d", 1+rng.IntN(2000))
			if i%10 == 0 {
				user, key = "user000", benchKey
			}
			record(&text, at, apis[k], user, key, fmt.Sprintf("198.51.100.%d", rng.IntN(256)))
		}
		if from == 0 {
			event, err := time.Parse(time.RFC3339, benchEvent)
			if err != nil {
				b.Fatal(err)
			}
			text.WriteByte(',')
			record(&text, event, "ListUsers", "user000", benchKey, "203.0.113.7")
		}
		text.WriteString("]}")
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = z.Write(text.Bytes())
		if err := z.Close(); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.json.gz", from/each)), packed.Bytes(), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

const benchFinding = `{"Id":"0123456789abcdef0123456789abcdef","Arn":"arn:aws:guardduty:ap-northeast-1:111122223333:detector/d/finding/0123456789abcdef0123456789abcdef",
"AccountId":"111122223333","Region":"ap-northeast-1","Partition":"aws","Type":"Discovery:IAMUser/AnomalousBehavior","Severity":2,"CreatedAt":"` + benchEvent + `","UpdatedAt":"` + benchEvent + `",
"Title":"t","Description":"d","SchemaVersion":"2.0","Resource":{"ResourceType":"AccessKey","AccessKeyDetails":{"AccessKeyId":"` + benchKey + `","UserType":"IAMUser","UserName":"user000","PrincipalId":"AIDAuser000"}},
"Service":{"Count":1,"EventFirstSeen":"` + benchEvent + `","EventLastSeen":"` + benchEvent + `","ServiceName":"guardduty","Action":{"ActionType":"AWS_API_CALL","AwsApiCallAction":{"Api":"ListUsers","ServiceName":"s3.amazonaws.com","CallerType":"Remote IP","RemoteIpDetails":{"IpAddressV4":"203.0.113.7"}}}}}`

// BenchmarkInvestigate investigates a finding about a busy principal of a store that was filled
// before, each time in a process of its own, and prints ratios against the floor measured in the
// same run: one question to the same store, which is the cost of starting, opening and one scan.
func BenchmarkInvestigate(b *testing.B) {
	n := 50_000
	if v, err := strconv.Atoi(os.Getenv("URATORI_BENCH_EVENTS")); err == nil {
		n = v
	}
	dir := b.TempDir()
	logs, store := filepath.Join(dir, "logs"), filepath.Join(dir, "s.duckdb")
	finding, out := filepath.Join(dir, "finding.json"), filepath.Join(dir, "report.md")
	if err := os.Mkdir(logs, 0o755); err != nil {
		b.Fatal(err)
	}
	writeLogs(b, logs, n)
	if err := os.WriteFile(finding, []byte(benchFinding), 0o644); err != nil {
		b.Fatal(err)
	}
	uratori := func(args ...string) (wall, cpu time.Duration, peak int64) {
		self, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.CommandContext(context.Background(), self, args...)
		cmd.Args[0] = "uratori" // by which TestMain knows what to be
		var errs bytes.Buffer
		cmd.Stderr = &errs
		began := time.Now()
		if err := cmd.Run(); err != nil {
			b.Fatalf("uratori %v: %v: %s", args, err, errs.String())
		}
		wall = time.Since(began)
		use, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok {
			b.Fatal("no usage of the process is known")
		}
		return wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), use.Maxrss << 10
	}
	uratori("ingest", logs, "--store", store)
	for b.Loop() {
		question := `cloudtrail from 2025-08-01T00:00:00Z to 2025-09-01T00:00:00Z where access_key = "` + benchKey + `" compute count() as n limit 1`
		oneWall, oneCPU, _ := uratori("ask", question, "--store", store)
		wall, cpu, peak := uratori("investigate", finding, "--store", store, "--lang", "en", "--format", "md", "-o", out)
		report, err := os.Open(out)
		if err != nil {
			b.Fatal(err)
		}
		lines := 0
		for sc := bufio.NewScanner(report); sc.Scan(); {
			lines++
		}
		report.Close()
		b.ReportMetric(float64(lines), "report-lines")
		b.ReportMetric(oneWall.Seconds(), "ask-wall-s")
		b.ReportMetric(wall.Seconds(), "wall-s")
		b.ReportMetric(cpu.Seconds(), "cpu-s")
		b.ReportMetric(cpu.Seconds()/oneCPU.Seconds(), "cpu-ratio")
		b.ReportMetric(float64(peak)/1e6, "peak-MB")
	}
}
