package doctor

import (
	"fmt"
	"strings"
	"time"
)

// How many days a file of knowledge is thought to be good for. MaxMind renews its databases twice a week,
// and wants those of GeoLite to be no older than 30 days (GeoLite2 End User License Agreement, "Database
// updates"); threats and scanners change as fast. An organisation's own addresses change seldom.
const (
	freshDays    = 30
	freshOwnDays = 365
)

// A KnownFile is what was read of a database or a list that the configuration names under knowledge:.
type KnownFile struct {
	Name    string
	Kind    string // of a list; "" for a database
	Path    string
	Type    string    // of a database; may be hostile text
	Dated   time.Time // zero where it is not told
	Entries int       // of a list; of a database the nodes of its search tree
	Missing bool
	Bad     string // why it cannot be read; may be hostile text
	Partly  bool   // some of it was read all the same
}

// database tells a database from a list.
func (f KnownFile) database() bool { return f.Kind == "" }

// left is what it costs to leave a file that cannot be read.
func (f KnownFile) left() Text {
	if f.database() {
		return Text{JA: "このままでは、国、ASN、組織が不明のまま判定する", EN: "left so, cases are judged without country, ASN and organisation"}
	}
	return Text{JA: "このままでは、どのリストにもないとは言えない", EN: "left so, no address or name is told to be on no list"}
}

// File judges a file of knowledge: one check of whether it can be read, and one of its age.
func File(f KnownFile, now time.Time) []Check {
	read := Check{Subject: "knowledge", Name: f.Name}
	left := f.left()
	switch {
	case f.Missing:
		read.Level, read.Says = Wrong, Textf("ファイルがない: %s", "there is no file %s", f.Path)
		read.Mend = Text{JA: "置くか、knowledge: から外す。" + left.JA, EN: "put it there, or take it out of knowledge:; " + left.EN}
		return []Check{read}
	case f.Bad != "" && !f.Partly:
		read.Level, read.Says = Wrong, Textf("読めない: %s", "it cannot be read: %s", f.Bad)
		read.Mend = Text{JA: "ファイルとその権限を確かめ、もう一度入手する。" + left.JA, EN: "see the file and its permissions, and fetch it again; " + left.EN}
		return []Check{read}
	case f.Partly:
		read.Level, read.Says = Warning, Textf("%[2]d件を読めたが、一部が読めない: %[1]s", "%[2]d entries were read, and a part could not be: %[1]s", f.Bad, f.Entries)
		read.Mend = Text{JA: "1行に1つのIPアドレス、ネットワークまたはドメインを書く。" + left.JA, EN: "write one address, network or domain a line; " + left.EN}
	case f.database():
		read.Says = Textf("%sを読めた（探索木の節 %d）", "read as %s, with %d nodes in its search tree", f.Type, f.Entries)
	case f.Entries == 0:
		read.Level, read.Says = Warning, Text{JA: "読めたが1件もない", EN: "it was read and holds no entry"}
		read.Mend = Text{JA: "中身を入れるか、knowledge: から外す。空のままでは「どのリストにもない」が意味を持たない", EN: "fill it, or take it out of knowledge:; empty, \"on no list\" means nothing"}
	default:
		read.Says = Textf("%d件を読めた", "%d entries were read", f.Entries)
	}
	return []Check{read, age(f, now)}
}

// age judges the date of a file.
func age(f KnownFile, now time.Time) Check {
	c := Check{Subject: "knowledge", Name: f.Name + " (age)"}
	most := freshDays
	if f.Kind == "nat" || f.Kind == "office" || f.Kind == "vpn" {
		most = freshOwnDays
	}
	days := int(now.Sub(f.Dated).Hours() / 24)
	switch {
	case f.Dated.IsZero():
		c.Level, c.Says = Unseen, Text{
			JA: "日付がない。リストなら先頭に「# date: 2025-09-01」と書くか、date: を設定する",
			EN: "it has no date; in a list write \"# date: 2025-09-01\" at the top, or date: in the configuration",
		}
	case f.Dated.After(now.Add(24 * time.Hour)):
		c.Level, c.Says = Warning, Textf("日付%sは未来である", "its date %s lies in the future", day(f.Dated))
		c.Mend = Text{JA: "日付と、この機械の時計を確かめる", EN: "see the date, and this machine's clock"}
	case days > most:
		c.Level, c.Says = Warning, Textf("%sのもので、%d日経過している（目安は%d日以内）", "of %s, %d days old; at most %d are thought to be good", day(f.Dated), days, most)
		c.Mend = Text{JA: "新しいものに替える。", EN: "fetch a newer one; "}
		if f.database() {
			c.Mend.JA += "このままでは、割り当ての変わったIPアドレスの国とASNを誤る"
			c.Mend.EN += "left so, addresses that were given to others since are told with the wrong country and ASN"
		} else {
			c.Mend.JA += "このままでは、新しく載ったIPアドレスを見落とし、外れたものを載っていると言う"
			c.Mend.EN += "left so, what was listed since is missed, and what was taken off is told as listed"
		}
	default:
		c.Says = Textf("%sのもの（%d日経過）", "of %s, %d days old", day(f.Dated), max(days, 0))
	}
	return c
}

// A CaseFolder is what was read of a folder of earlier cases.
type CaseFolder struct {
	Path  string
	Cases int
	Bad   []string // why bundles cannot be read; may be hostile text
	Err   error    // why the folder cannot
}

// maxNamed bounds how many of a list are named.
const maxNamed = 3

// Folder judges a folder of earlier cases. form is the version of the bundles that are read.
func Folder(f CaseFolder, form string) Check {
	c := Check{Subject: "past_cases", Name: f.Path}
	switch {
	case f.Err != nil:
		c.Level, c.Says = Wrong, Same(f.Err.Error())
		c.Mend = Text{
			JA: "フォルダーを作るか、past_cases: から外す。このままでは調査が始まらない",
			EN: "make the folder, or take it out of past_cases:; left so, no investigation begins",
		}
	case len(f.Bad) > 0:
		named := strings.Join(f.Bad[:min(len(f.Bad), maxNamed)], "; ")
		c.Level = Warning
		c.Says = Textf("%[1]d件の事案を読めた（形式%[2]s）。%[3]d件は読めない: %[4]s", "%[1]d cases of the form %[2]s were read, and %[3]d could not be: %[4]s", f.Cases, form, len(f.Bad), named)
		c.Mend = Text{
			JA: "壊れたフォルダーを取り除くか、同じ版のプログラムで調査し直す。このままでは「似た事案はない」と言えない",
			EN: "take damaged folders away, or investigate those cases again with this version; left so, \"no earlier case\" is never said",
		}
	case f.Cases == 0:
		c.Level, c.Says = Warning, Text{JA: "事案が1件もない", EN: "it holds no case"}
		c.Mend = Text{
			JA: "investigate -o でここに事案を残す。空のままでは、似た事案がないのは調べていないだけである",
			EN: "keep cases here with investigate -o; empty, that there is no similar case only means that none was kept",
		}
	default:
		c.Says = Textf("%d件の事案を読めた（形式%s）", "%d cases of the form %s were read", f.Cases, form)
	}
	return c
}

// Endings judges the list of how humans ended cases: n of them, of which the cases of strangers lie in none
// of the folders. err says why the list cannot be read.
func Endings(path string, n int, strangers []string, err error) Check {
	c := Check{Subject: "past_cases", Name: path}
	switch {
	case err != nil:
		c.Level, c.Says = Wrong, Same(err.Error())
		c.Mend = Text{
			JA: "caseとendingの2列のCSVに直すか、endings: を外す。このままでは調査が始まらない",
			EN: "write two columns, case and ending, or take endings: out; left so, no investigation begins",
		}
	case len(strangers) > 0:
		c.Level = Warning
		c.Says = Textf("%d件の結末のうち、%d件は事案が見つからない: %s", "of %d endings, the cases of %d are in none of the folders: %s", n, len(strangers), strings.Join(strangers[:min(len(strangers), maxNamed)], ", "))
		c.Mend = Text{JA: "事案のIDを確かめるか、そのフォルダーを past_cases: に加える", EN: "see the ids, or add their folder to past_cases:"}
	default:
		c.Says = Text{JA: fmt.Sprintf("%d件の結末を読めた", n), EN: fmt.Sprintf("%d endings were read", n)}
	}
	return c
}
