package fault

import "slices"

// PrincipalKind says what sort of principal acts. Only a human can fill a human slot.
type PrincipalKind string

// The kinds of principal. The zero value is nobody, and nobody may do anything.
const (
	Nobody  PrincipalKind = ""
	Human   PrincipalKind = "human"
	Service PrincipalKind = "service" // a service account; acts for its owning person
	System  PrincipalKind = "system"  // Plumbline's own timers
)

// Authn says by what the principal was recognised.
type Authn string

// The ways to be recognised. Only a Session decides; a Token never can.
const (
	NoAuthn Authn = ""
	Session Authn = "session" // a person's sign-in
	Token   Authn = "token"   // an API token
	Setup   Authn = "setup"   // the one-time setup code
	Own     Authn = "own"     // the server itself
)

// Actor is who acts in one use-case. It is a value: made by the surface that recognised the
// principal, never changed after.
type Actor struct {
	Person  string        // person id; for a service the owning person
	Account string        // account id
	Kind    PrincipalKind //
	Authn   Authn         //
	Via     string        // id of the session or token used
	Scopes  []string      // a token's scopes; empty for a session
	Repo    string        // repository a token is bound to, "" when unbound
	Pipe    string        // pipeline name a token is bound to, "" when unbound
	Sources []string      // ids of the sources that a token may send documents to; AnySource for all; empty for none
	Source  string        // where the request came from: api, cli, page, job
	Request string        // request id
}

// AnySource stands among the sources of a token that was made before tokens named them.
const AnySource = "*"

// Feeds reports whether the actor may send documents to a source, by its id: a token only to those that it names.
func (a Actor) Feeds(source string) bool {
	return a.Authn != Token || slices.Contains(a.Sources, source) || slices.Contains(a.Sources, AnySource)
}

// IsPerson reports whether this is a human in their own session: the only one who may decide.
func (a Actor) IsPerson() bool { return a.Kind == Human && a.Authn == Session && a.Person != "" }

// HasScope reports whether the actor may use what needs this scope. A session has every scope that
// its person's permissions allow; a token only the listed ones; nobody has none.
func (a Actor) HasScope(scope string) bool {
	switch a.Authn {
	case Session, Own:
		return true
	case Token:
		for _, s := range a.Scopes {
			if s == scope {
				return true
			}
		}
	}
	return false
}

// SystemActor is the server itself, for its timers; job says which.
func SystemActor(job string) Actor {
	return Actor{Kind: System, Authn: Own, Account: "system", Via: job, Source: "job"}
}
