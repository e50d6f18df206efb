package doctor

import (
	"fmt"
	"strings"
	"time"

	"uratori/policy"
)

// A Text is a sentence in both languages.
type Text = policy.Text

// Same is a text that is the same in both languages: a name, or what a service said.
func Same(s string) Text { return Text{JA: s, EN: s} }

// Textf fills the same values into a sentence of each language.
func Textf(ja, en string, args ...any) Text {
	return Text{JA: fmt.Sprintf(ja, args...), EN: fmt.Sprintf(en, args...)}
}

// A Check is one thing that was looked at.
type Check struct {
	Subject string // what it is about: a source's name, "aws", ...
	Name    string // such as "credentials", "permissions", "clock"
	Level   Level
	Says    Text // what was seen; may hold hostile text
	Mend    Text // what to do about it; zero where nothing is wrong
}

// A Level says how bad it is.
type Level uint8

// The levels, from good to bad. Unseen could not be looked at.
const (
	Good Level = iota
	Unseen
	Warning
	Wrong
)

func (l Level) String() string { return [...]string{"ok", "unseen", "warning", "wrong"}[l] }

// expiresSoon is how long before its end a credential is warned of.
const expiresSoon = 30 * 24 * time.Hour

// Expiry judges the end of a credential: a zero end is not known.
func Expiry(subject string, end, now time.Time) Check {
	c := Check{Subject: subject, Name: "expiry"}
	switch {
	case end.IsZero():
		c.Level, c.Says = Unseen, Text{JA: "認証情報の期限をサービスが示さない", EN: "the service does not say when the credential ends"}
	case !now.Before(end):
		c.Level, c.Says = Wrong, Textf("認証情報の期限が%sに切れた", "the credential ended on %s", day(end))
		c.Mend = Text{JA: "更新する", EN: "renew it"}
	case end.Sub(now) < expiresSoon:
		days := int(end.Sub(now).Hours() / 24)
		c.Level, c.Says = Warning, Text{
			JA: fmt.Sprintf("認証情報の期限は%s（残り%d日）", day(end), days),
			EN: fmt.Sprintf("the credential ends on %s, in %d days", day(end), days),
		}
		c.Mend = Text{JA: "期限までに更新する", EN: "renew it before then"}
	default:
		c.Says = Textf("認証情報の期限は%s", "the credential ends on %s", day(end))
	}
	return c
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) + " (UTC)" }

// KeyAge tells of a long-term access key, which never ends by itself, when it was made. That it be
// renewed every 90 days is the CIS AWS Foundations Benchmark's.
func KeyAge(subject string, made, now time.Time) Check {
	days := int(now.Sub(made).Hours() / 24)
	c := Check{Subject: subject, Name: "expiry", Level: Warning, Mend: Text{
		JA: "一時的な認証情報（IAM Identity Center、インスタンスのロール）に替える。替えるまでは90日ごとに更新する",
		EN: "use temporary credentials (IAM Identity Center, an instance's role); until then make a new key every 90 days",
	}}
	c.Says = Text{
		JA: fmt.Sprintf("長期アクセスキーには期限がない（%sに作成、%d日経過）", day(made), days),
		EN: fmt.Sprintf("a long-term access key never ends; it was made on %s, %d days ago", day(made), days),
	}
	return c
}

// Temporary judges temporary credentials: whoever gave them out gives others when they end.
func Temporary(subject string, end, now time.Time) Check {
	c := Check{Subject: subject, Name: "expiry", Says: Textf("一時的な認証情報（期限 %s）", "temporary credentials, until %s", end.UTC().Format(time.RFC3339))}
	switch {
	case end.IsZero():
		c.Says = Text{JA: "一時的な認証情報（期限は示されない）", EN: "temporary credentials, whose end is not told"}
		c.Level = Unseen
	case !now.Before(end):
		c.Level, c.Says = Wrong, Textf("一時的な認証情報の期限が%sに切れた", "the temporary credentials ended at %s", end.UTC().Format(time.RFC3339))
		c.Mend = Text{JA: "もう一度ログインする", EN: "log in again"}
	}
	return c
}

// skewed is how far a clock may be off before times of events can be told wrong by it; AWS refuses
// signatures that are off by 5 minutes.
const skewed = time.Minute

// Clock judges a service's clock, as its Date header told it, against ours.
func Clock(subject string, theirs, ours time.Time) Check {
	c := Check{Subject: subject, Name: "clock"}
	off := theirs.Sub(ours).Round(time.Second)
	switch {
	case theirs.IsZero():
		c.Level, c.Says = Unseen, Text{JA: "サービスが時刻を示さない", EN: "the service does not tell its time"}
	case off.Abs() >= skewed:
		c.Level, c.Says = Warning, Textf("サービスの時計とこの機械の時計が%sずれている", "the service's clock and ours differ by %s", off)
		c.Mend = Text{JA: "この機械の時計をNTPで合わせる", EN: "set this machine's clock by NTP"}
	default:
		c.Says = Textf("時計の差は%s以内", "the clocks agree within %s", max(off.Abs(), time.Second).String())
	}
	return c
}

// Surplus says that a credential may do more than is needed, which least privilege takes away.
func Surplus(subject string, list []string, what Text) Check {
	return Check{
		Subject: subject, Name: "surplus", Level: Warning, Mend: what,
		Says: Textf("使わない権限がある: %s", "permitted and never used: %s", strings.Join(list, ", ")),
	}
}

// frequencies are the publishing frequencies of GuardDuty, with how late a repeat may be told.
var frequencies = map[string]Text{
	"ONE_HOUR":  {JA: "1時間", EN: "an hour"},
	"SIX_HOURS": {JA: "6時間", EN: "six hours"},
}

// Frequency judges how often GuardDuty publishes the repeats of a finding in a Region.
func Frequency(region, frequency string) Check {
	c := Check{Subject: "guardduty", Name: region, Says: Text{JA: "検出の繰り返しは15分ごとに公開される", EN: "repeats of a finding are published every fifteen minutes"}}
	late, known := frequencies[frequency]
	switch {
	case frequency == "FIFTEEN_MINUTES":
		return c
	case !known:
		late = Same(frequency)
	}
	c.Level = Warning
	c.Says = Text{
		JA: fmt.Sprintf("検出の繰り返しの公開は%s（%s）。このままでは、続いている攻撃の新しいIPアドレス、回数、最終時刻を最大%s知らないまま判定する", frequency, late.JA, late.JA),
		EN: fmt.Sprintf("repeats of a finding are published %s; left so, a case is judged without the newest address, count and time of what goes on for up to %s", frequency, late.EN),
	}
	c.Mend = Textf(
		"管理者アカウントで aws guardduty update-detector --region %s --detector-id ID --finding-publishing-frequency FIFTEEN_MINUTES を実行する",
		"in the administrator account run aws guardduty update-detector --region %s --detector-id ID --finding-publishing-frequency FIFTEEN_MINUTES", region)
	return c
}

// lookBack is how many days most questions look back from the event (the playbooks' windows).
const lookBack = 30

// Retention judges for how many days a log group keeps a log; 0 is for ever. What is older than that can
// no longer be seen by anybody, whatever was recorded.
func Retention(subject, kind, account, region, group string, days int) Check {
	c := Check{Subject: subject, Name: "retention of " + kind}
	switch {
	case days == 0:
		c.Says = Textf("ロググループ%s（%s、%s）は期限なく保存する", "log group %s (%s, %s) keeps its records for ever", group, account, region)
	case days < lookBack:
		c.Level = Warning
		c.Says = Textf(
			"ロググループ%[1]s（%[2]s、%[3]s）の保存期間は%[4]d日。質問は%[5]d日前までさかのぼるため、それより古い記録は見られず、以前にもあったか、いつからかは判定できない",
			"log group %[1]s (%[2]s, %[3]s) keeps its records for %[4]d of the %[5]d days that questions look back; left so, whether something happened before, and since when, stays open", group, account, region, days, lookBack)
		c.Mend = Textf(
			"アカウント%[2]sで aws logs put-retention-policy --region %[3]s --log-group-name %[1]s --retention-in-days 90 を実行する。保存料金が増える",
			"in account %[2]s run aws logs put-retention-policy --region %[3]s --log-group-name %[1]s --retention-in-days 90; storage costs grow", group, account, region)
	default:
		c.Says = Textf("ロググループ%s（%s、%s）の保存期間は%d日", "log group %s (%s, %s) keeps its records for %d days", group, account, region, days)
	}
	return c
}
