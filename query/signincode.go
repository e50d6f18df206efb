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
// "Microsoft Entra authentication and authorization error codes" (reference-error-codes); a few
// that it leaves out (50201, 50203, 502031, 70044, 399218, 500121) are Microsoft's code look-up
// page, login.microsoftonline.com/error.
//
// The interrupts are those whose text there says that the user is asked for something, or that
// the client is to start again interactively because a session or token came to its ordinary
// end. A session or grant that somebody revoked is a failure: whoever still held it was refused.
// A code that is not listed is a failure, too: it was not 0.
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

// The name that the reference gives a code stands at the line's end.
var interrupts = map[int]Meaning{
	16000:  {"アカウントの選択が必要", "account selection required"},                           // SelectUserAccount, later InteractionRequired
	16001:  {"アカウントの選択", "account selection"},                                       // UserAccountSelectionInvalid
	50055:  {"パスワードの期限切れ", "password expired"},                                      // InvalidPasswordExpiredPassword
	50058:  {"サイレントサインインの中断", "silent sign-in needs the user"},                      // UserInformationNotProvided
	50072:  {"MFAの登録が必要", "enrolment in multifactor authentication required"},       // UserStrongAuthEnrollmentRequiredInterrupt
	50074:  {"MFAの要求", "multifactor authentication asked for"},                      // UserStrongAuthClientAuthNRequiredInterrupt
	50076:  {"条件付きアクセスによるMFAの要求", "multifactor authentication asked for by policy"}, // UserStrongAuthClientAuthNRequired
	50078:  {"MFAの期限切れ", "multifactor authentication has to be renewed"},            // UserStrongAuthExpired
	50079:  {"MFAの登録の要求", "enrolment in multifactor authentication asked for"},      // UserStrongAuthEnrollmentRequired
	50089:  {"サインイン手続きの期限切れ", "sign-in took too long and starts again"},             // flow token expired
	50097:  {"デバイス認証の要求", "device authentication asked for"},                        // DeviceAuthenticationRequired
	50125:  {"パスワードのリセットによる中断", "interrupted by a password reset"},                  // PasswordResetRegistrationRequiredInterrupt
	50127:  {"ブローカーアプリの導入が必要", "broker application required"},                       // BrokerAppNotInstalled
	50129:  {"職場参加の要求", "workplace join required"},                                  // DeviceIsNotWorkplaceJoined
	50135:  {"アカウントのリスクによるパスワード変更の要求", "password change asked for because of risk"}, // PasswordChangeCompromisedPassword
	50140:  {"サインイン状態の維持の確認", "asked whether to stay signed in"},                    // KmsiInterrupt
	50143:  {"リソーステナントとの不一致による中断", "session does not match the resource's tenant"},  // session mismatch
	50144:  {"Active Directoryのパスワードの期限切れ", "Active Directory password expired"},    // InvalidPasswordExpiredOnPremPassword
	50155:  {"デバイス認証の失敗による中断", "device authentication did not succeed"},             // DeviceAuthenticationFailed
	50158:  {"外部の認証の要求", "external authentication asked for"},                       // ExternalSecurityChallenge
	50168:  {"ブラウザーのシングルサインオンの中断", "browser single sign-on interrupted"},            // ChromeBrowserSsoInterruptRequired
	50180:  {"統合Windows認証の要求", "Windows integrated authentication asked for"},       // WindowsIntegratedAuthMissing
	50199:  {"本人による確認の要求", "confirmation asked for"},                                // CmsiInterrupt
	50201:  {"確認画面の表示", "message shown to the user"},                                // message prompt interrupt
	50203:  {"認証アプリの登録の要求", "registration of an authenticator asked for"},           // authenticator app not registered
	51006:  {"統合Windows認証の要求", "Windows integrated authentication needed"},          // ForceReauthDueToInsufficientAuth
	65001:  {"同意の要求", "consent asked for"},                                          // DelegationDoesNotExist
	65004:  {"同意の辞退", "consent declined"},                                           // UserDeclinedConsent
	70008:  {"更新トークンの期限切れ", "refresh token expired"},                                // ExpiredOrRevokedGrant, by inactivity
	70016:  {"デバイスコードの承認待ち", "device code not approved yet"},                        // AuthorizationPending
	70043:  {"再認証の要求", "signing in again is required"},                              // BadTokenDueToSignInFrequency
	70044:  {"セッションの期限切れ", "session expired"},                                       // sign-in frequency check
	81010:  {"シームレスSSOの中断", "seamless single sign-on interrupted"},                  // DesktopSsoAuthTokenInvalid
	81012:  {"別のユーザーでのサインイン", "another user is signed in to the device"},            // DesktopSsoMismatchBetweenTokenUpnAndChosenUpn
	90072:  {"外部アカウントの追加が必要", "external account has to be added to the tenant"},     // PassThroughUserMfaError
	90094:  {"管理者の同意の要求", "consent of an administrator asked for"},                  // AdminConsentRequired
	90095:  {"管理者への同意の申請の要求", "request for an administrator's consent asked for"},   // AdminConsentRequiredRequestAccess
	399218: {"サインインの確認の要求", "confirmation of the sign-in asked for"},                // user confirmation
	502031: {"認証アプリの登録の要求", "registration of an authenticator asked for"},           // authenticator app not registered
	700020: {"対話によるサインインの要求", "interactive sign-in asked for"},                      // InteractionRequired
	700082: {"更新トークンの期限切れ", "refresh token expired"},                                // ExpiredOrRevokedGrantInactiveToken
	700084: {"更新トークンの期限切れ", "refresh token expired"},                                // lifetime of a single page app's token
}

var failures = map[int]Meaning{
	16003:   {"テナントに追加されていないユーザー", "user not added to the tenant"},                                    // SsoUserAccountNotFoundInResourceTenant
	50005:   {"対応していないプラットフォーム", "platform not supported by conditional access"},                      // DevicePolicyError
	50020:   {"このテナントに存在しないユーザー", "user unknown in this tenant"},                                      // UserUnauthorized
	50034:   {"存在しないユーザー", "user does not exist"},                                                     // UserAccountNotFound
	50053:   {"アカウントのロックまたは不審なIPアドレスのブロック", "account locked or address blocked as malicious"},         // IdsLocked
	50056:   {"パスワードが未設定", "no password set"},                                                         // invalid or null password
	50057:   {"無効なアカウント", "account disabled"},                                                         // UserDisabled
	50059:   {"テナントを特定できない要求", "tenant not identified"},                                               // MissingTenantRealmAndNoUserInformationProvided
	50064:   {"資格情報の検証の失敗", "credentials could not be validated"},                                     // CredentialAuthenticationError
	50088:   {"MFAの電話の回数制限", "limit of multifactor calls reached"},                                    // limit on telecom calls
	50105:   {"アプリの割り当てなし", "not assigned to the application"},                                        // EntitlementGrantsNotFound
	50126:   {"ユーザー名またはパスワードの誤り", "wrong user name or password"},                                      // InvalidUserNameOrPassword
	50131:   {"条件付きアクセスによる拒否", "refused by conditional access"},                                       // ConditionalAccessFailed
	50132:   {"パスワードの期限切れまたは変更によるセッションの失効", "session ended by a password's expiry or change"},         // SsoArtifactInvalidOrExpired
	50133:   {"パスワードの期限切れまたは変更によるセッションの失効", "session ended by a password's expiry or change"},         // SsoArtifactRevoked
	50173:   {"トークンの失効", "token revoked"},                                                             // FreshTokenNeeded
	53000:   {"準拠していないデバイス", "device not compliant"},                                                  // DeviceNotCompliant
	53001:   {"ドメイン未参加のデバイス", "device not joined to the domain"},                                      // DeviceNotDomainJoined
	53002:   {"承認されていないアプリ", "application not approved"},                                              // ApplicationUsedIsNotAnApprovedApp
	53003:   {"条件付きアクセスによるブロック", "blocked by conditional access"},                                     // BlockedByConditionalAccess
	53004:   {"リスクによるMFA登録の拒否", "enrolment in multifactor authentication refused because of risk"},    // ProofUpBlockedDueToRisk
	53011:   {"ホームテナントのリスクによるブロック", "blocked because of risk on the home tenant"},                     // user blocked due to risk
	500121:  {"MFAの失敗", "multifactor authentication failed"},                                          // strong authentication request failed
	500133:  {"アサーションの有効期間外", "assertion outside its validity"},                                       // InvalidAssertion
	530032:  {"テナントのセキュリティポリシーによるブロック", "blocked by the tenant's security policy"},                    // BlockedByConditionalAccessOnSecurityPolicy
	530034:  {"不審な操作による委任管理者のブロック", "delegated administrator blocked because of suspicious activity"}, // DelegatedAdminBlockedDueToSuspiciousActivity
	530035:  {"セキュリティの既定値によるブロック", "blocked by security defaults"},                                    // BlockedBySecurityDefaults
	700016:  {"存在しないアプリ", "application unknown in the tenant"},                                        // UnauthorizedClient_DoesNotMatchRequest
	7000215: {"アプリの資格情報の誤り", "wrong client secret"},                                                   // invalid client secret
	7000222: {"アプリの資格情報の期限切れ", "client secret expired"},                                               // InvalidClientSecretExpiredKeysProvided
}
