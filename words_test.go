package uratori_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// japanese is a text that a report prints in Japanese: of the data, of the tables of facts, and of the sign-in codes.
var japanese = regexp.MustCompile(`(?:\bja:|\bJA:|^\s*\d+:\s*\{)\s*("(?:[^"\\]|\\.)*"|[^,}\n]*)`)

// One thing has one word. The left column is what is written by mistake, the right one is the word.
var otherWords = []struct{ wrong, right string }{
	{`多要素認証`, "MFA"},
	{`リゾルバークエリ`, "Route 53 Resolverクエリログ"},
	{`スキャナ(?:[^ー]|$)`, "スキャナー"},
	{`ブラウザ(?:[^ー]|$)`, "ブラウザー"},
	{`ユーザ(?:[^ー]|$)`, "ユーザー"},
	{`サーバ(?:[^ー]|$)`, "サーバー"},
	{`フォルダ(?:[^ー]|$)`, "フォルダー"},
	{`ログイン(?:イベント|ログ)`, "サインイン"},
	{`パブリックアクセスブロック|Public Access Block`, "ブロックパブリックアクセス"},
	{`ファインディング|発見事項|検知結果`, "検出結果"},
	{`アラート`, "検出結果"},
	{`深刻度`, "重要度"},
	{`信頼度`, "確度"},
	{`監査証跡`, "証跡（CloudTrail）、証拠、監査ログのどれか"},
	{`ソースIP|送信元IP(?:[^ア]|$)`, "送信元IPアドレス"},
	{`特権昇格`, "権限昇格"},
	{`全世界`, "すべてのアドレス"},
	{`バケットは版|以前の版|ツールの版`, "バージョン"},
	{`配置の記録|配置し直`, "デプロイ"},
	{`規則のない|規則を削除|規則を含む`, "ルール（セキュリティグループ、ネットワークACL、DNS Firewall）"},
	{`通常の時刻帯`, "普段の時刻帯"},
	{`への心当たり`, "に心当たりがあるか"},
	{`他の主体(?:は|が同じ|による読)`, "他のプリンシパル"},
	{`見られない|見られた`, "確認されなかった、確認された"},
	{`ことの可能性|することができ|を行うことが`, "翻訳調でない言い方"},
	{`でである|ははは|のの[^の]|をを|がが`, "助詞の重なりのない文"},
	{`です。|ます。`, "である体"},
}

// saysJapanese calls f with each Japanese text of the program that a report can print.
func saysJapanese(t *testing.T, f func(file string, line int, text string)) int {
	t.Helper()
	n := 0
	for _, pattern := range []string{"phrase/data/*.yaml", "policy/default/policy/*.yaml", "narrative/data/*.yaml", "playbook/default/*.yaml", "fact/*.go", "query/signincode.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no file (%v)", pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.Split(string(data), "\n") {
				for _, m := range japanese.FindAllStringSubmatch(line, -1) {
					n++
					f(file, i+1, m[1])
				}
			}
		}
	}
	return n
}

// The same thing is always called by the same word, and a report is written in である体.
func TestReportsCallOneThingByOneWord(t *testing.T) {
	wrong := make([]*regexp.Regexp, len(otherWords))
	for i, w := range otherWords {
		wrong[i] = regexp.MustCompile(w.wrong)
	}
	n := saysJapanese(t, func(file string, line int, text string) {
		for i, re := range wrong {
			if found := re.FindString(text); found != "" {
				t.Errorf("%s:%d: %q in %s: write %s", file, line, found, text, otherWords[i].right)
			}
		}
	})
	if n < 1500 {
		t.Errorf("only %d Japanese texts were read: the pattern no longer fits the files", n)
	}
	for i, re := range wrong {
		if re.MatchString(otherWords[i].right) {
			t.Errorf("%s forbids the word that it asks for, %s", re, otherWords[i].right)
		}
	}
}
