package query

// A Result is how a sign-in ended.
type Result string

// The results of a sign-in.
const (
	Success   Result = "success"
	Interrupt Result = "interrupt" // the user was asked for something more; no attempt was refused
	Failure   Result = "failure"
)

// A Meaning is what a result code says, in both languages.
type Meaning struct {
	JA string
	EN string
}

// SignInCode is the result of a sign-in and the meaning of its code. Codes are Microsoft's
// "Microsoft Entra authentication and authorization error codes" (reference-error-codes); the
// interrupts are those whose text there says that the user is asked for something, or that the
// client is to try again interactively. A code that is not listed is a failure: it was not 0.
func SignInCode(code int) (Result, Meaning) {
	if code == 0 {
		return Success, Meaning{"成功", "success"}
	}
	if m, ok := interrupts[code]; ok {
		return Interrupt, m
	}
	if m, ok := failures[code]; ok {
		return Failure, m
	}
	return Failure, Meaning{"その他のエラー", "other error"}
}

var interrupts = map[int]Meaning{
	16000:  {"アカウントの選択が必要", "account selection required"},
	16001:  {"アカウントの選択", "account selection"},
	16003:  {"別のアカウントの選択が必要", "another account must be chosen"},
	50055:  {"パスワードの期限切れ", "password expired"},
	50058:  {"サイレントサインインの中断", "silent sign-in needs the user"},
	50059:  {"テナントの特定が必要", "tenant must be identified"},
	50072:  {"多要素認証の登録が必要", "enrolment in multifactor authentication required"},
	50074:  {"多要素認証の要求", "multifactor authentication asked for"},
	50076:  {"条件付きアクセスによる多要素認証の要求", "multifactor authentication asked for by policy"},
	50078:  {"多要素認証の期限切れ", "multifactor authentication has to be renewed"},
	50079:  {"多要素認証の登録の要求", "enrolment in multifactor authentication asked for"},
	50097:  {"デバイス認証の要求", "device authentication asked for"},
	50125:  {"パスワードのリセットによる中断", "interrupted by a password reset"},
	50127:  {"ブローカーアプリの導入が必要", "broker application required"},
	50129:  {"職場参加の要求", "workplace join required"},
	50140:  {"サインイン状態の維持の確認", "asked whether to stay signed in"},
	50143:  {"リソーステナントとの不一致による中断", "session does not match the resource's tenant"},
	50144:  {"Active Directoryのパスワードの期限切れ", "Active Directory password expired"},
	50155:  {"デバイス認証の失敗による中断", "device authentication did not succeed"},
	50199:  {"本人による確認の要求", "confirmation asked for"},
	50201:  {"確認画面の表示", "message shown to the user"},
	50203:  {"認証アプリの登録の提示", "registration of an authenticator offered"},
	50206:  {"自己紹介情報の確認", "profile has to be confirmed"},
	51006:  {"統合Windows認証の要求", "Windows integrated authentication needed"},
	65001:  {"同意の要求", "consent asked for"},
	65004:  {"同意の辞退", "consent declined"},
	81010:  {"シームレスSSOの中断", "seamless single sign-on interrupted"},
	81012:  {"別のユーザーでのサインイン", "another user is signed in"},
	81014:  {"シームレスSSOの中断", "seamless single sign-on interrupted"},
	90072:  {"外部アカウントの追加が必要", "external account has to be added to the tenant"},
	90094:  {"管理者の同意の要求", "consent of an administrator asked for"},
	399218: {"アカウント保護のための再認証", "signing in again to protect the account"},
	70043:  {"再認証の要求", "signing in again is required"},
	70044:  {"セッションの期限切れ", "session expired"},
	700082: {"更新トークンの期限切れ", "refresh token expired"},
}

var failures = map[int]Meaning{
	50020:   {"このテナントに存在しないユーザー", "user unknown in this tenant"},
	50034:   {"存在しないユーザー", "user does not exist"},
	50053:   {"アカウントのロック", "account locked"},
	50056:   {"パスワードが未設定", "no password set"},
	50057:   {"無効なアカウント", "account disabled"},
	50064:   {"資格情報の検証の失敗", "credentials could not be validated"},
	50088:   {"多要素認証の回数制限", "limit of multifactor calls reached"},
	50105:   {"アプリの割り当てなし", "not assigned to the application"},
	50126:   {"ユーザー名またはパスワードの誤り", "wrong user name or password"},
	50131:   {"条件付きアクセスによる拒否", "refused by a device policy"},
	50133:   {"パスワード変更によるセッションの失効", "session ended by a password change"},
	50173:   {"トークンの失効", "token revoked"},
	53000:   {"準拠していないデバイス", "device not compliant"},
	53001:   {"ドメイン未参加のデバイス", "device not joined to the domain"},
	53003:   {"条件付きアクセスによるブロック", "blocked by conditional access"},
	53004:   {"不審な操作による多要素認証登録の拒否", "enrolment refused because of suspicious activity"},
	500121:  {"多要素認証の失敗", "multifactor authentication failed"},
	500133:  {"アサーションの有効期間外", "assertion outside its validity"},
	700016:  {"存在しないアプリ", "application unknown in the tenant"},
	7000215: {"アプリの資格情報の誤り", "wrong client secret"},
}
