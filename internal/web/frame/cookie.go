package frame

import (
	"encoding/base64"
	"net/http"
	"time"

	"plumbline.dev/plumb/internal/seal"
)

// The session's cookie. Over TLS its name has the prefix that keeps other hosts and plain connections
// from setting it (RFC 6265bis, 4.1.3.2).
const (
	secureCookie = "__Host-plumb"
	plainCookie  = "plumb"
	flashCookie  = "plumb-done"
)

func (f *Frame) cookieName() string {
	if f.secure() {
		return secureCookie
	}
	return plainCookie
}

// bearer is the session that the request shows.
func (f *Frame) bearer(r *http.Request) string {
	c, err := r.Cookie(f.cookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

// Bearer is the session that the request shows, for one that takes its place.
func (v *Visit) Bearer() seal.Secret { return seal.Secret(v.frame.bearer(v.R)) }

// SignIn gives the browser a session. The cookie is out of reach for scripts, and other sites' forms do
// not carry it.
func (v *Visit) SignIn(bearer seal.Secret, expires int64) {
	http.SetCookie(v.W, &http.Cookie{Name: v.frame.cookieName(), Value: bearer.Reveal(), Path: "/", Expires: time.UnixMicro(expires),
		Secure: v.frame.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// SignOut takes the session from the browser.
func (v *Visit) SignOut() {
	http.SetCookie(v.W, &http.Cookie{Name: v.frame.cookieName(), Path: "/", MaxAge: -1, Secure: v.frame.secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// longestFlash bounds the sentence that a redirect carries.
const longestFlash = 300

func (v *Visit) setFlash(done string) {
	if len(done) > longestFlash {
		done = done[:longestFlash]
	}
	http.SetCookie(v.W, &http.Cookie{Name: flashCookie, Value: base64.RawURLEncoding.EncodeToString([]byte(done)), Path: "/", MaxAge: 60,
		Secure: v.frame.secure(), HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// flash takes the sentence of the step before; it is shown once.
func (v *Visit) flash() string {
	c, err := v.R.Cookie(flashCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(v.W, &http.Cookie{Name: flashCookie, Path: "/", MaxAge: -1, Secure: v.frame.secure(), HttpOnly: true, SameSite: http.SameSiteStrictMode})
	b, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || len(b) > longestFlash || !text(string(b)) {
		return ""
	}
	return string(b)
}
