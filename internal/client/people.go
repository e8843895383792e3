package client

import (
	"context"
	"net/http"
)

// SetupState says whether the setup ceremony was held.
type SetupState struct {
	Done    bool   `json:"done"`
	Company string `json:"company"`
}

// SetupState asks whether the server is set up; anonymous.
func (c *Client) SetupState(ctx context.Context) (Reply[SetupState], error) {
	return get[SetupState](ctx, c, path("setup"), nil)
}

// SetupPerson is one of the first people. Without a password they get a one-time code.
type SetupPerson struct {
	Name     string   `json:"name"`
	Email    string   `json:"email,omitempty"`
	Username string   `json:"username"`
	Password string   `json:"password,omitempty"`
	Roles    []string `json:"roles"`
}

// Setup is what the ceremony is told; the code is the one that the server printed.
type Setup struct {
	Code     string        `json:"code,omitempty"`
	Company  string        `json:"company"`
	Prefix   string        `json:"prefix,omitempty"`
	Zone     string        `json:"zone,omitempty"`
	Pack     string        `json:"pack,omitempty"`
	People   []SetupPerson `json:"people"`
	Officers []string      `json:"officers"`
}

// Settled is what came out of the ceremony: ids by username, and one-time codes, shown this once.
type Settled struct {
	Install Install           `json:"install"`
	People  map[string]string `json:"people"`
	Codes   map[string]string `json:"codes"`
	Policy  string            `json:"policy"`
}

// Install is what the server is: one install serves one company.
type Install struct {
	ID      string `json:"id"`
	Company string `json:"company"`
	Prefix  string `json:"prefix"`
	Zone    string `json:"zone"`
}

// Setup holds the ceremony; anonymous, with the code.
func (c *Client) Setup(ctx context.Context, s Setup) (Reply[Settled], error) {
	return call[Settled](ctx, c, request{method: http.MethodPost, path: path("setup"), body: s, once: true})
}

// LoginAnswer is a new session; Token is shown this once.
type LoginAnswer struct {
	Token   string `json:"token"`
	Session string `json:"session"`
	Expires string `json:"expires"`
	Person  Person `json:"person"`
}

// Login opens a session. With a new password the first one is a one-time code that is redeemed.
// The label is what the session is listed as.
func (c *Client) Login(ctx context.Context, username, password, next, label string) (Reply[LoginAnswer], error) {
	return call[LoginAnswer](ctx, c, request{method: http.MethodPost, path: path("login"), once: true, body: struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Next     string `json:"new_password,omitempty"`
		Label    string `json:"label,omitempty"`
	}{username, password, next, label}})
}

// Logout ends the session in use.
func (c *Client) Logout(ctx context.Context) error {
	_, err := post[struct{}](ctx, c, path("logout"), nil)
	return err
}

// Me is who the caller is to the server.
type Me struct {
	Person  Person   `json:"person"`
	Account string   `json:"account"`
	Kind    string   `json:"kind"`
	Authn   string   `json:"authn"`
	Roles   []string `json:"roles"`
	Scopes  []string `json:"scopes"`
	Repo    string   `json:"repo"`
	Pipe    string   `json:"pipeline"`
}

// Me asks who the caller is.
func (c *Client) Me(ctx context.Context) (Reply[Me], error) { return get[Me](ctx, c, path("me"), nil) }

// Password changes the caller's own password.
func (c *Client) Password(ctx context.Context, old, next string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodPost, path: path("me", "password"), once: true, body: struct {
		Old string `json:"old"`
		New string `json:"new"`
	}{old, next}})
	return err
}

// Person is one human.
type Person struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Note     string `json:"note"`
	Disabled int64  `json:"disabled"`
	Created  int64  `json:"created"`
}

// Human is a person with what they hold.
type Human struct {
	Person   Person    `json:"person"`
	Roles    []string  `json:"roles"`
	Accounts []Account `json:"accounts"`
}

// Account is one way to come in, or a service account.
type Account struct {
	ID       string   `json:"id"`
	Person   string   `json:"person"`
	Kind     string   `json:"kind"`
	Username string   `json:"username"`
	Note     string   `json:"note"`
	Repos    []string `json:"repos"`
	Ended    int64    `json:"ended"`
	Created  int64    `json:"created"`
}

// NewPerson is what adding a person asks for.
type NewPerson struct {
	Name     string `json:"name"`
	Email    string `json:"email,omitempty"`
	Username string `json:"username"`
	Note     string `json:"note,omitempty"`
}

// Coded is an answer with a one-time code, shown this once.
type Coded struct {
	Person Person `json:"person"`
	Code   string `json:"code"`
}

// People lists one page of the people.
func (c *Client) People(ctx context.Context, cursor string) (Reply[Page[Human]], error) {
	return get[Page[Human]](ctx, c, path("people"), values("cursor", cursor))
}

// Person shows one.
func (c *Client) Person(ctx context.Context, id string) (Reply[Human], error) {
	return get[Human](ctx, c, path("people", id), nil)
}

// AddPerson adds a person without a role, and gives the code with which they choose their password.
func (c *Client) AddPerson(ctx context.Context, p NewPerson) (Reply[Coded], error) {
	return post[Coded](ctx, c, path("people"), p)
}

// EditPerson changes name, mail address and note; nil leaves one as it is.
func (c *Client) EditPerson(ctx context.Context, id string, name, email, note *string) (Reply[Person], error) {
	return call[Person](ctx, c, request{method: http.MethodPatch, path: path("people", id), body: struct {
		Name  *string `json:"name,omitempty"`
		Email *string `json:"email,omitempty"`
		Note  *string `json:"note,omitempty"`
	}{name, email, note}})
}

// Bar disables or enables a person; verb is the route's word.
func (c *Client) Bar(ctx context.Context, id, verb, reason string) error {
	_, err := post[struct{}](ctx, c, path("people", id, verb), struct {
		Reason string `json:"reason"`
	}{reason})
	return err
}

// ResetPassword issues a one-time code, and ends what the old password opened. The account may be ""
// where there is one.
func (c *Client) ResetPassword(ctx context.Context, id, account string) (Reply[Coded], error) {
	return post[Coded](ctx, c, path("people", id, "reset-password"), struct {
		Account string `json:"account,omitempty"`
	}{account})
}

// Vouch says that an account whose code an officer issued is in its person's hands. The account may be ""
// where there is one.
func (c *Client) Vouch(ctx context.Context, id, account, reason string) error {
	_, err := post[struct{}](ctx, c, path("people", id, "vouch"), struct {
		Account string `json:"account,omitempty"`
		Reason  string `json:"reason"`
	}{account, reason})
	return err
}

// AddAccount adds a further account to a person, and gives the code to choose its password with.
func (c *Client) AddAccount(ctx context.Context, person, username string) (Reply[Coded], error) {
	return post[Coded](ctx, c, path("people", person, "accounts"), struct {
		Username string `json:"username"`
	}{username})
}

// EndAccount ends an account for good.
func (c *Client) EndAccount(ctx context.Context, id, reason string) error {
	_, err := post[struct{}](ctx, c, path("accounts", id, "end"), struct {
		Reason string `json:"reason"`
	}{reason})
	return err
}

// Group is a named set of people and groups.
type Group struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Note    string   `json:"note"`
	Members []Member `json:"members"`
}

// Member is one place in a group.
type Member struct {
	Person string `json:"person"`
	Group  string `json:"group"`
}

// Groups lists the groups.
func (c *Client) Groups(ctx context.Context, cursor string) (Reply[Page[Group]], error) {
	return get[Page[Group]](ctx, c, path("groups"), values("cursor", cursor))
}

// AddGroup makes an empty group.
func (c *Client) AddGroup(ctx context.Context, name, note string) (Reply[Group], error) {
	return post[Group](ctx, c, path("groups"), struct {
		Name string `json:"name"`
		Note string `json:"note,omitempty"`
	}{name, note})
}

// Join gives a person or group a place in a group.
func (c *Client) Join(ctx context.Context, group, member string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodPut, path: path("groups", group, "members", member)})
	return err
}

// DropGroup removes an empty group.
func (c *Client) DropGroup(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: path("groups", id)})
	return err
}

// Leave takes a place in a group.
func (c *Client) Leave(ctx context.Context, group, member string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: path("groups", group, "members", member)})
	return err
}

// Roles are the roles of the policy in force and who holds them.
type Roles struct {
	Roles  []Role      `json:"roles"`
	Grants []RoleGrant `json:"grants"`
}

// Role is one role with the active people who hold it now, directly or through groups.
type Role struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Note     string   `json:"note"`
	May      string   `json:"may"` // what the program lets it do, whatever the pack says of it
	Approves bool     `json:"approves"`
	Advised  int      `json:"advised"`
	Holders  []string `json:"holders"`
}

// RoleGrant says that a person or a group holds a role.
type RoleGrant struct {
	Role   string `json:"role"`
	Holder string `json:"holder"`
	Change string `json:"change"`
	Since  int64  `json:"since"`
	Until  int64  `json:"until"`
}

// Roles lists the roles with their holders.
func (c *Client) Roles(ctx context.Context) (Reply[Roles], error) {
	return get[Roles](ctx, c, path("roles"), nil)
}

// Grant gives a role that approves nothing; until is RFC 3339, "" for without end.
func (c *Client) Grant(ctx context.Context, role, holder, until string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodPut, path: path("roles", role, "holders", holder), query: values("until", until)})
	return err
}

// Revoke takes a role that approves nothing.
func (c *Client) Revoke(ctx context.Context, role, holder string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: path("roles", role, "holders", holder)})
	return err
}

// ServiceAccounts lists the service accounts.
func (c *Client) ServiceAccounts(ctx context.Context, cursor string) (Reply[Page[Account]], error) {
	return get[Page[Account]](ctx, c, path("service-accounts"), values("cursor", cursor))
}

// NewService is what making a service account asks for.
type NewService struct {
	Username string   `json:"username"`
	Owner    string   `json:"owner"`
	Note     string   `json:"note,omitempty"`
	Repos    []string `json:"repos,omitempty"` // the repositories that its tokens may be bound to
}

// AddService makes a service account that the owner answers for.
func (c *Client) AddService(ctx context.Context, n NewService) (Reply[Account], error) {
	return post[Account](ctx, c, path("service-accounts"), n)
}

// EditService says what a service account is for and which repositories its tokens may be bound to.
func (c *Client) EditService(ctx context.Context, id, note string, repos []string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodPatch, path: path("service-accounts", id), body: struct {
		Note  string   `json:"note"`
		Repos []string `json:"repos"`
	}{note, repos}})
	return err
}

// MoveService gives a service account another owner; its tokens end.
func (c *Client) MoveService(ctx context.Context, id, owner string) error {
	_, err := post[struct{}](ctx, c, path("service-accounts", id, "owner"), struct {
		Owner string `json:"owner"`
	}{owner})
	return err
}

// DisableService ends a service account.
func (c *Client) DisableService(ctx context.Context, id, reason string) error {
	_, err := post[struct{}](ctx, c, path("service-accounts", id, "disable"), struct {
		Reason string `json:"reason"`
	}{reason})
	return err
}

// Token is an API token without its secret.
type Token struct {
	ID      string   `json:"id"`
	Account string   `json:"account"`
	Person  string   `json:"person"`
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes"`
	Repo    string   `json:"repo"`
	Pipe    string   `json:"pipeline"`
	Sources []string `json:"sources"` // ids; "*" for every source
	Created int64    `json:"created"`
	Expires int64    `json:"expires"`
	Revoked int64    `json:"revoked"`
	Used    int64    `json:"used"`
}

// NewToken is what making a token asks for.
type NewToken struct {
	Account string   `json:"account,omitempty"`
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes"`
	Repo    string   `json:"repo,omitempty"`
	Pipe    string   `json:"pipeline,omitempty"`
	Sources []string `json:"sources,omitempty"`
	Days    int      `json:"days,omitempty"`
}

// MadeToken is a new token; Secret is shown this once.
type MadeToken struct {
	Token  Token  `json:"token"`
	Secret string `json:"secret"`
}

// Tokens lists one page of the caller's tokens, or of a person's.
func (c *Client) Tokens(ctx context.Context, person, cursor string) (Reply[Page[Token]], error) {
	return get[Page[Token]](ctx, c, path("tokens"), values("person", person, "cursor", cursor))
}

// MakeToken makes a token.
func (c *Client) MakeToken(ctx context.Context, n NewToken) (Reply[MadeToken], error) {
	return post[MadeToken](ctx, c, path("tokens"), n)
}

// RevokeToken ends a token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: path("tokens", id)})
	return err
}

// Session is one sign-in.
type Session struct {
	ID      string `json:"id"`
	Person  string `json:"person"`
	Source  string `json:"source"`
	Label   string `json:"label"`
	Created int64  `json:"created"`
	Expires int64  `json:"expires"`
	Ended   int64  `json:"ended"`
	Used    int64  `json:"used"`
}

// Sessions lists the caller's sessions, or those of a person.
func (c *Client) Sessions(ctx context.Context, person string) (Reply[Page[Session]], error) {
	if person != "" {
		return get[Page[Session]](ctx, c, path("people", person, "sessions"), nil)
	}
	return get[Page[Session]](ctx, c, path("sessions"), nil)
}

// EndSession ends one session.
func (c *Client) EndSession(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, request{method: http.MethodDelete, path: path("sessions", id)})
	return err
}
