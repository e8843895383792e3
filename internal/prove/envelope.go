package prove

import (
	"encoding/base64"
	"errors"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
)

var errSpelling = errors.New("the envelope is not written in its one form: one signature, by this key, standard base64")

// open verifies a DSSE envelope with one key. Where the format allows several spellings of the same
// content it takes one: a changed byte must never go unnoticed.
func open[P any](env *seal.Envelope, predicateType string, key *seal.Key) (seal.Statement[P], error) {
	var none seal.Statement[P]
	if len(env.Signatures) != 1 || env.Signatures[0].KeyID != key.ID() || !plainBase64(env.Payload) || !plainBase64(env.Signatures[0].Sig) {
		return none, errSpelling
	}
	return seal.Open[P](env, predicateType, key)
}

func plainBase64(s string) bool {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil && base64.StdEncoding.EncodeToString(b) == s
}

// VerifyPermit checks a permit that stands alone: a DSSE envelope as the gate hands it out. It needs
// the install's public key and nothing else. What comes back is what the permit says; whether its time
// has come, and whether it was used, only the server knows.
func VerifyPermit(envelope []byte, key *seal.Key) (change.PermitPredicate, error) {
	bad := func(err error) error {
		return fault.New(fault.Invalid, "bad_permit", "This is not a permit signed by that key.").From(err).
			FixedBy("whoever handed it out").Then("plumb gate check")
	}
	var env seal.Envelope
	if err := seal.Decode(envelope, &env); err != nil {
		return change.PermitPredicate{}, bad(err)
	}
	st, err := open[change.PermitPredicate](&env, change.PermitType, key)
	if err != nil {
		return change.PermitPredicate{}, bad(err)
	}
	if err := soundPermit(st.Predicate); err != nil {
		return change.PermitPredicate{}, bad(err)
	}
	return st.Predicate, nil
}

// soundPermit refuses a permit that lacks what a permit must say.
func soundPermit(p change.PermitPredicate) error {
	switch {
	case p.V != 1 || p.ID == "" || p.Install == "" || p.Change == "" || p.Executor == "" || p.Nonce == "" || p.Kind == "":
		return errors.New("the permit leaves open what it is for")
	case !change.IsDigest(p.Rev) || p.Attempt < 1 || p.Fence < 1:
		return errors.New("the permit names no revision, attempt or fence")
	case p.NotBefore <= 0 || p.Expires <= p.NotBefore || p.Expires-p.NotBefore > change.PermitLife.Microseconds():
		return errors.New("the permit lives too long")
	}
	return nil
}
