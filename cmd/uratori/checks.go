package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"uratori/access"
	"uratori/bundle"
	"uratori/config"
	"uratori/doctor"
	"uratori/evidence"
	"uratori/guardduty"
	"uratori/query"
	"uratori/source"
	"uratori/source/athena"
	"uratori/source/awsconn"
	"uratori/source/awslogs"
	"uratori/source/awslookup"
	"uratori/source/cloudtrail"
	"uratori/source/entra"
	"uratori/source/knowledge"
	"uratori/source/pastcases"
	"uratori/source/splunk"
)

// checks are what each source says of itself, and what AWS says of us. The error is for a visit
// that was stopped.
func (a *app) checks(ctx context.Context, c config.Config, o *opened, w query.Window) ([]doctor.Check, error) {
	var out []doctor.Check
	for _, s := range o.sources {
		if r, ok := s.(interface{ Behind() source.Source }); ok {
			s = r.Behind()
		}
		switch s := s.(type) {
		case *splunk.Source:
			out = append(out, a.checkSplunk(ctx, s, w)...)
		case *entra.Source:
			out = append(out, a.checkEntra(ctx, s)...)
		case *cloudtrail.Source, *athena.Source, *awslogs.Source:
			out = append(out, doctor.Check{Subject: s.Name(), Name: "coverage", Says: doctor.Text{
				JA: "awsの認証情報で尋ねる（awsの項を参照）。記録の状況は下の表のとおり",
				EN: "asked with the credentials of aws, see there; what it covers stands below",
			}})
			if logs, ok := s.(*awslogs.Source); ok {
				out = append(out, checkRetention(ctx, logs, c, w)...)
			}
		default:
			out = append(out, doctor.Check{Subject: s.Name(), Name: "itself", Says: doctor.Text{JA: "手元のストア。ログインは要らない", EN: "a local store; nothing to log in to"}})
		}
	}
	out = append(out, a.checkFiles(c)...)
	if usesAWS(c) {
		out = append(out, a.checkAWS(ctx, c, o)...)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

// checkRetention tells how long the logs are kept that are on and go to log groups, and what of that could
// not be asked.
func checkRetention(ctx context.Context, s *awslogs.Source, c config.Config, w query.Window) (out []doctor.Check) {
	for _, kind := range c.AWS.Logs {
		for _, p := range places(c) {
			groups, err := s.Groups(ctx, query.Scope{Kind: kind, Account: p.Account, Region: p.Region, Window: w})
			if err != nil {
				out = append(out, doctor.Check{
					Subject: s.Name(), Name: "retention of " + kind, Level: doctor.Unseen,
					Says: doctor.Same(strings.Join([]string{p.Account, p.Region, err.Error()}, " ")),
				})
				continue
			}
			for _, g := range groups {
				out = append(out, doctor.Retention(s.Name(), kind, p.Account, p.Region, g.Name, int(g.Keeps/(24*time.Hour))))
			}
		}
	}
	return out
}

func usesAWS(c config.Config) bool {
	return len(c.AWS.LookUp)+len(c.AWS.Logs) > 0 || slices.ContainsFunc(c.Sources, func(s config.Source) bool { return s.CloudTrail != nil || s.Athena != nil })
}

// checkFiles reads what the configuration names beside the sources: databases, lists and earlier cases.
func (a *app) checkFiles(c config.Config) (out []doctor.Check) {
	databases, lists := knownFiles(c)
	known, _ := knowledge.Open("knowledge", databases, lists) // what it notices stands in its files
	for _, f := range known.Files() {
		out = append(out, doctor.File(doctor.KnownFile(f), a.clock())...)
	}
	if err := known.Close(); err != nil {
		out = append(out, failed("knowledge", "close", err, doctor.Text{JA: "ファイルのある場所を確かめる", EN: "see where the files lie"}))
	}
	cases := map[string]bool{}
	for _, folder := range c.PastCases.Folders {
		f, err := pastcases.Examine(c.Path(folder))
		out = append(out, doctor.Folder(doctor.CaseFolder{Path: folder, Cases: len(f.Cases), Bad: f.Bad, Err: err}, bundle.Schema))
		for _, id := range f.Cases {
			cases[id] = true
		}
	}
	if e := c.PastCases.Endings; e != "" {
		ended, err := pastcases.Endings(c.Path(e))
		var strangers []string
		for _, id := range slices.Sorted(maps.Keys(ended)) {
			if !cases[id] {
				strangers = append(strangers, id)
			}
		}
		out = append(out, doctor.Endings(e, len(ended), strangers, err))
	}
	return out
}

// failed is a check of something that could not be done.
func failed(subject, name string, err error, mend doctor.Text) doctor.Check {
	if errors.Is(err, source.ErrUnavailable) {
		mend = doctor.Text{
			JA: "アドレス、ネットワーク、プロキシ、証明書の認証局（ca:）を確かめる。動いているなら時間をおいて再実行する",
			EN: "check the address, the network, the proxy and the authority of the certificate (ca:); if it is up, try again later",
		}
	}
	return doctor.Check{Subject: subject, Name: name, Level: doctor.Wrong, Says: doctor.Same(err.Error()), Mend: mend}
}

// allPermitted says that nothing is missing.
var allPermitted = doctor.Text{JA: "必要な権限はすべてある", EN: "everything that is needed is permitted"}

func (a *app) checkSplunk(ctx context.Context, s *splunk.Source, w query.Window) []doctor.Check {
	h, err := s.Check(ctx)
	if err != nil {
		return []doctor.Check{failed(s.Name(), "credentials", err, doctor.Text{JA: "トークン（または利用者名とパスワード）が有効か確かめる", EN: "see whether the token, or the user and password, are good"})}
	}
	out := []doctor.Check{{Subject: s.Name(), Name: "credentials", Says: doctor.Text{
		JA: fmt.Sprintf("%s（ロール %s）としてログインした。Splunk %s", h.User, strings.Join(h.Roles, ", "), or(h.Version, "バージョン不明")),
		EN: fmt.Sprintf("logged in as %s with %s, Splunk %s", h.User, strings.Join(h.Roles, ", "), or(h.Version, "of unknown version")),
	}}}
	permissions := doctor.Check{Subject: s.Name(), Name: "permissions", Says: allPermitted}
	if len(h.Missing) > 0 {
		permissions.Level, permissions.Says = doctor.Wrong, doctor.Textf("権限がない: %s", "not permitted: %s", strings.Join(h.Missing, ", "))
		permissions.Mend = doctor.Text{
			JA: "設定のインデックス名を確かめ、ロールに許可する。必要なロールは uratori iam splunk が示す",
			EN: "check the name of the index in the configuration, and let the role have it; uratori iam splunk prints the role",
		}
	}
	out = append(out, permissions)
	surplus := slices.Clone(h.Excess)
	for _, index := range h.Wider {
		surplus = append(surplus, "index "+index)
	}
	if len(surplus) > 0 {
		out = append(out, doctor.Surplus(s.Name(), surplus, doctor.Text{JA: "ロールから外す。必要なロールは uratori iam splunk が示す", EN: "take it away; uratori iam splunk prints the role"}))
	}
	now := a.clock()
	out = append(out, doctor.Clock(s.Name(), now.Add(h.Skew), now))
	if !h.Expires.IsZero() {
		out = append(out, doctor.Expiry(s.Name(), h.Expires, now))
	}
	for _, u := range h.Unseen {
		out = append(out, doctor.Check{Subject: s.Name(), Name: "unseen", Level: doctor.Unseen, Says: doctor.Same(u)})
	}
	if len(h.Missing) > 0 {
		return out // a search would say the same again
	}
	return append(out, checkPlaces(ctx, s, w)...)
}

// checkPlaces reads some events of each place as questions would be answered from them.
func checkPlaces(ctx context.Context, s *splunk.Source, w query.Window) []doctor.Check {
	list, err := s.CheckPlaces(ctx, w)
	if err != nil {
		return nil // ctx ended, which whoever asks sees
	}
	var out []doctor.Check
	for _, p := range list {
		k := doctor.Check{Subject: s.Name(), Name: "fields of " + p.Place}
		switch {
		case splunk.Misread(p.Err):
			k.Level, k.Says = doctor.Wrong, doctor.Same(p.Err.Error())
			k.Mend = doctor.Text{
				JA: "sourcetypeを直すか、places: に record: と fields: で項目の場所を書く",
				EN: "correct the sourcetype, or write under places: with record: and fields: where the fields stand",
			}
		case p.Err != nil:
			k = failed(s.Name(), k.Name, p.Err, doctor.Text{JA: "検索が許可されているか確かめる", EN: "see whether the search is permitted"})
		case p.Events == 0:
			k.Level, k.Says = doctor.Warning, doctor.Textf("%[2]sから%[3]sまで、%[1]sにイベントが1件もない", "%[1]s holds no event from %[2]s to %[3]s", p.Place, query.Stamp(w.From), query.Stamp(w.To))
			k.Mend = doctor.Text{
				JA: "インデックスとsourcetypeの名前を確かめる。正しければ、転送が止まっている",
				EN: "check the names of the index and the sourcetype; if they are right, nothing is forwarded",
			}
		case len(p.Empty) > 0:
			k.Level, k.Says = doctor.Warning, doctor.Textf("%d件のイベントのどれにもない項目がある: %s", "in none of %d events there is %s", p.Events, strings.Join(p.Empty, ", "))
			k.Mend = doctor.Text{JA: "fields: の場所を直す。このままでは、その項目を使う質問は答えが出ない", EN: "correct the path under fields:; left so, questions that need the field find nothing"}
		default:
			k.Says = doctor.Textf("%d件のイベントから%d項目を読めた", "%d events were read, with %d fields", p.Events, p.Read)
		}
		out = append(out, k)
	}
	return out
}

func (a *app) checkEntra(ctx context.Context, s *entra.Source) []doctor.Check {
	c, err := s.Check(ctx)
	if err == nil {
		err = c.TokenErr
	}
	if err != nil {
		return []doctor.Check{failed(s.Name(), "credentials", err, doctor.Text{
			JA: "テナント、アプリケーションのID、シークレットとその期限を確かめる",
			EN: "see whether the tenant, the application's id and its secret are right, and whether the secret has ended",
		})}
	}
	out := []doctor.Check{{Subject: s.Name(), Name: "credentials", Says: doctor.Text{JA: "トークンを得た", EN: "a token was obtained"}}}
	list := doctor.Text{JA: "必要な権限は uratori iam entra が示す", EN: "uratori iam entra lists what is needed"}
	if c.RolesErr != nil {
		out = append(out, doctor.Check{Subject: s.Name(), Name: "permissions", Level: doctor.Unseen, Says: doctor.Same(c.RolesErr.Error())})
	} else {
		if len(c.Missing) == 0 {
			out = append(out, doctor.Check{Subject: s.Name(), Name: "permissions", Says: allPermitted})
		}
		for _, m := range c.Missing {
			p := doctor.Check{
				Subject: s.Name(), Name: "permissions", Level: doctor.Warning, Says: doctor.Textf("%sがない（任意）: %s", "%s is missing, and asked for by some questions: %s", m.Name, m.For),
				Mend: doctor.Textf("管理者が同意する。%s", "let an administrator consent to it; %s", list.EN),
			}
			p.Mend.JA = "管理者が同意する。" + list.JA
			if m.Required {
				p.Level, p.Says = doctor.Wrong, doctor.Textf("%sがない: %s", "%s is missing: %s", m.Name, m.For)
			}
			out = append(out, p)
		}
		if len(c.Surplus) > 0 {
			out = append(out, doctor.Surplus(s.Name(), c.Surplus, doctor.Text{JA: "同意を取り消す。" + list.JA, EN: "take it away; " + list.EN}))
		}
	}
	if c.SignInsErr != nil {
		mend := doctor.Text{JA: "AuditLog.Read.All と Directory.Read.All を許可する", EN: "grant AuditLog.Read.All and Directory.Read.All"}
		if c.Unlicensed {
			mend.JA += "。サインインの記録にはP1またはP2のライセンスが要る"
			mend.EN += "; sign-in reports need a P1 or P2 licence"
		}
		out = append(out, failed(s.Name(), "sign-ins", c.SignInsErr, mend))
	}
	now := a.clock()
	clock := doctor.Clock(s.Name(), time.Time{}, now)
	if c.SkewKnown {
		clock = doctor.Clock(s.Name(), now.Add(c.Skew), now)
	}
	out = append(out, clock)
	switch {
	case c.SecretsErr != nil:
		out = append(out, doctor.Check{Subject: s.Name(), Name: "expiry", Level: doctor.Unseen, Says: doctor.Textf("シークレットの期限は読めない: %s", "when the secret ends may not be read: %s", c.SecretsErr)})
	case len(c.Secrets) == 0:
		out = append(out, doctor.Expiry(s.Name(), time.Time{}, now))
	}
	for _, e := range c.Secrets {
		out = append(out, doctor.Expiry(s.Name(), e.Ends, now))
	}
	return out
}

// checkAWS looks whether AWS knows us in every account and what we may there, and how often
// GuardDuty publishes.
func (a *app) checkAWS(ctx context.Context, c config.Config, o *opened) []doctor.Check {
	conn, err := o.reach.conn(ctx)
	if err != nil {
		return []doctor.Check{failed("aws", "credentials", err, doctor.Text{JA: "ログインするか、設定の aws: にprofileを書く", EN: "log in, or name a profile under aws: in the configuration"})}
	}
	var out []doctor.Check
	accounts := []string{""}
	for _, acc := range c.Accounts {
		accounts = append(accounts, acc.ID)
	}
	for _, id := range accounts {
		name := "credentials of " + or(id, "the program")
		who, err := conn.Whoami(ctx, id)
		switch {
		case err != nil:
			out = append(out, failed("aws", name, err, doctor.Text{
				JA: "ロールとその信頼ポリシー、外部IDを確かめる。uratori iam member と uratori iam trust が示す",
				EN: "see the role, its trust policy and the external id; uratori iam member and uratori iam trust print them",
			}))
			continue
		case id != "" && who.Account != id:
			out = append(out, doctor.Check{
				Subject: "aws", Name: name, Level: doctor.Wrong, Says: doctor.Textf("アカウント%sが答えた", "answered by account %s", who.Account),
				Mend: doctor.Text{JA: "そのアカウントで引き受けるロールの名前を aws: の member_role に書く", EN: "name the role to assume there under aws: member_role"},
			})
			continue
		}
		out = append(out, doctor.Check{Subject: "aws", Name: name, Says: doctor.Same(who.ARN)})
		if id == "" {
			out = append(out, a.checkKey(ctx, o.reach, conn, who))
		}
		out = append(out, checkPermitted(ctx, conn, c, id, who)...)
	}
	now := a.clock()
	clock := doctor.Clock("aws", time.Time{}, now)
	if skew, ok := conn.Skew(); ok {
		clock = doctor.Clock("aws", now.Add(skew), now)
	}
	out = append(out, clock)
	if slices.Contains(c.AWS.LookUp, string(evidence.LookPermissionSet)) {
		out = append(out, checkCenter(ctx, conn, c))
	}
	return append(out, a.checkGuardDuty(ctx, c, o)...)
}

// checkCenter looks whether IAM Identity Center is where the configuration says that its Identity Store is.
func checkCenter(ctx context.Context, conn *awsconn.Conn, c config.Config) doctor.Check {
	const name = "identity_center"
	l, err := awslookup.New(awslookup.Options{Name: "aws", Conn: conn, IdentityStore: awslookup.IdentityStore(c.AWS.IdentityStore), Kinds: []evidence.LookupKind{evidence.LookPermissionSet}})
	mend := doctor.Text{
		JA: "aws: の identity_store に、Identity CenterのアイデンティティストアのID、アカウント、リージョンを書く",
		EN: "write id, account and Region of Identity Center's identity store under aws: identity_store",
	}
	if err != nil {
		return failed("aws", name, err, mend)
	}
	instance, err := l.Center(ctx)
	switch {
	case errors.Is(err, source.ErrDenied):
		return failed("aws", name, err, doctor.Text{JA: "許可する。必要なポリシーは uratori iam reader が示す", EN: "grant it; uratori iam reader prints the policy"})
	case err != nil:
		return failed("aws", name, err, mend)
	}
	return doctor.Check{Subject: "aws", Name: name, Says: doctor.Same(instance)}
}

// checkKey tells when the program's own credentials end.
func (a *app) checkKey(ctx context.Context, r *reach, conn *awsconn.Conn, who awsconn.Identity) doctor.Check {
	keys, err := r.environment(ctx)
	if err != nil {
		return failed("aws", "expiry", err, doctor.Text{JA: "ログインする", EN: "log in"})
	}
	if keys.SessionToken != "" {
		return doctor.Temporary("aws", keys.Expires, a.clock())
	}
	unseen := doctor.Check{Subject: "aws", Name: "expiry", Level: doctor.Unseen}
	_, user, isUser := strings.Cut(who.ARN, ":user/")
	if !isUser {
		unseen.Says = doctor.Text{JA: "長期アクセスキーで別のロールを引き受けており、その利用者名が分からないので、キーがいつ作られたかは見えない", EN: "a long-term access key assumes another role; whose it is is not told, so when it was made is unseen"}
		return unseen
	}
	made, err := conn.KeyMade(ctx, user[strings.LastIndex(user, "/")+1:], keys.AccessKeyID)
	if err != nil {
		unseen.Says = doctor.Textf("長期アクセスキーがいつ作られたか見えない: %s", "when the long-term access key was made is unseen: %s", err)
		return unseen
	}
	return doctor.KeyAge("aws", made, a.clock())
}

// checkPermitted holds what a principal's policies allow, by IAM's own simulation, against what the
// configuration needs.
func checkPermitted(ctx context.Context, conn *awsconn.Conn, c config.Config, account string, who awsconn.Identity) []doctor.Check {
	subject := "aws " + who.Account
	unseen := func(ja, en string, args ...any) []doctor.Check {
		return []doctor.Check{{Subject: subject, Name: "permissions", Level: doctor.Unseen, Says: doctor.Textf(ja, en, args...)}}
	}
	principal, ok := who.Principal()
	if !ok {
		return unseen("%sの権限は調べられない（ロールのパスがセッション名から分からない）。uratori iam reader と比べる", "what %s may do cannot be looked up, because a session's ARN does not tell the role's path; compare its policies with uratori iam reader", who.ARN)
	}
	where := []access.Where{access.InMember}
	if account == "" {
		where = []access.Where{access.InReader, access.InManagement}
		if c.AWS.MemberRole == "" { // everything is asked with the program's own credentials
			where = append(where, access.InMember)
		}
	}
	used := inUse(c)
	p := params(c)
	if account == "" {
		p.Account, p.ReaderRole = who.Account, principal
	}
	var missing, blank, needed []string
	for _, n := range access.Needs(used, p, who.Account, where...) {
		needed = append(needed, n.Actions...)
		if n.Resource == "" {
			blank = append(blank, n.Actions...)
			continue
		}
		allowed, err := conn.Simulate(ctx, account, principal, n.Actions, n.Resource)
		if err != nil {
			return unseen("ポリシーを調べられない（%s）。許可するか、uratori iam の出力と比べる", "the policies cannot be looked up (%s); permit it, or compare them with uratori iam", err)
		}
		for _, act := range n.Actions {
			if !slices.Contains(allowed, act) {
				missing = append(missing, act)
			}
		}
	}
	k := doctor.Check{Subject: subject, Name: "permissions", Says: doctor.Text{
		JA: "必要な権限はすべてある（IAMのシミュレーションによる。SCP、バケットポリシー、信頼ポリシーは含まない）",
		EN: "everything that is needed is permitted (as IAM simulates it, without service control, bucket and trust policies)",
	}}
	if len(missing) > 0 {
		slices.Sort(missing)
		k.Level, k.Says = doctor.Wrong, doctor.Textf("権限がない: %s", "not permitted: %s", strings.Join(slices.Compact(missing), ", "))
		k.Mend = doctor.Text{JA: "許可する。必要なポリシーは uratori iam reader と uratori iam member が示す", EN: "grant it; uratori iam reader and uratori iam member print the policies"}
	}
	out := []doctor.Check{k}
	if len(blank) > 0 {
		slices.Sort(blank)
		out = append(out, doctor.Check{
			Subject: subject, Name: "permissions", Level: doctor.Unseen,
			Says: doctor.Textf("設定に対象の名前がないので調べていない: %s", "not looked up, because the configuration does not name what they are for: %s", strings.Join(slices.Compact(blank), ", ")),
		})
	}
	// Whatever is allowed on everything and is not needed is too much.
	var never []string
	for _, act := range append(access.Never(), access.Actions(access.Features())...) {
		if !slices.Contains(needed, act) && !slices.Contains(never, act) {
			never = append(never, act)
		}
	}
	surplus, err := conn.Simulate(ctx, account, principal, never, "*")
	if err != nil {
		return append(out, doctor.Check{Subject: subject, Name: "surplus", Level: doctor.Unseen, Says: doctor.Same(err.Error())})
	}
	if len(surplus) > 0 {
		out = append(out, doctor.Surplus(subject, surplus, doctor.Text{JA: "ポリシーから外す。必要なポリシーは uratori iam reader と uratori iam member が示す", EN: "take it away; uratori iam reader and uratori iam member print the policies"}))
	}
	return out
}

func (a *app) checkGuardDuty(ctx context.Context, c config.Config, o *opened) []doctor.Check {
	client, err := o.reach.guardduty(ctx)
	if err != nil {
		return []doctor.Check{failed("guardduty", "itself", err, doctor.Text{JA: "awsの項を参照", EN: "see aws"})}
	}
	var out []doctor.Check
	for _, region := range c.Regions {
		often, err := client.Frequency(ctx, guardduty.Place{Region: region})
		switch {
		case errors.Is(err, guardduty.ErrNoDetector):
			out = append(out, doctor.Check{
				Subject: "guardduty", Name: region, Level: doctor.Warning, Says: doctor.Text{JA: "GuardDutyが有効でない", EN: "GuardDuty is not on"},
				Mend: doctor.Text{JA: "有効にする。このままでは、このリージョンでは何も検出されない", EN: "switch it on; left so, nothing is detected there"},
			})
		case err != nil:
			out = append(out, doctor.Check{Subject: "guardduty", Name: region, Level: doctor.Unseen, Says: doctor.Same(err.Error())})
		default:
			out = append(out, doctor.Frequency(region, often))
		}
	}
	return out
}
