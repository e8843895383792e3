package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"plumbline.dev/plumb/internal/client"
	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/seal"
	"plumbline.dev/plumb/internal/wire"
)

// checkPermit verifies a permit without asking anybody: the signature with a key that was known before,
// and that it releases exactly this request and these artifacts. What does not fit is not run, whoever
// sent it.
func (a *app) checkPermit(ctx context.Context, c *client.Client, r wire.GateRequest, v wire.GateVerdict) error {
	key, install, err := a.permitKey(ctx, c)
	if err != nil {
		return err
	}
	if v.Permit == nil {
		return badPermit("There is no permit in the answer.")
	}
	s, err := seal.Open[wire.PermitPredicate](v.Permit, wire.PermitType, key)
	if err != nil {
		return badPermit("The permit's signature does not verify with the server's known key.").From(err)
	}
	p := s.Predicate
	if install != "" && p.Install != install {
		return badPermit("The permit is of another server.")
	}
	return fits(p, r, v, a.now())
}

func badPermit(text string) *fault.Error {
	return fault.New(fault.Denied, "bad_permit", "%s", text).Because("permit", "policy statement (a)").FixedBy("whoever runs the server").
		Then("plumb login --trust, if the server's key was changed on purpose")
}

// fits compares a permit with what is about to run.
func fits(p wire.PermitPredicate, r wire.GateRequest, v wire.GateVerdict, now time.Time) error {
	switch at := now.UnixMicro(); {
	case p.V != 1:
		return badPermit("The permit is of an unknown version.")
	case p.Change != v.Change || r.Change != "" && normID(r.Change) != normID(p.Change):
		return badPermit("The permit is for another change.")
	case p.ID != v.PermitID || p.Rev != v.RevDigest:
		return badPermit("The permit is for another revision.")
	case p.Kind != r.Kind || p.Stage != r.Stage || p.Kind != wire.KindPlan && p.Attempt != max(1, r.Attempt):
		return badPermit("The permit is for another attempt.")
	case r.Environment != "" && r.Environment != p.Env:
		return badPermit("The permit is for another environment.")
	case at >= p.Expires:
		return badPermit("The permit has expired.")
	case at < p.NotBefore-skewAllowed.Microseconds():
		return badPermit("The permit is not valid yet; compare the clocks.")
	}
	if r.Kind == wire.KindPlan {
		return nil
	}
	if len(p.Bindings) == 0 || len(p.Bindings) != len(r.Observed) {
		return mismatch("The permit releases another number of artifacts than are here.")
	}
	used := make([]bool, len(p.Bindings))
	for _, o := range r.Observed {
		i := 0
		for i < len(used) && (used[i] || !released(p.Bindings[i], o)) {
			i++
		}
		if i == len(used) {
			return mismatch(fmt.Sprintf("The permit does not release %s %s.", o.Kind, clean(o.Name)))
		}
		used[i] = true
	}
	return nil
}

// skewAllowed is how far apart the clocks of server and gate may be for a permit's begin.
const skewAllowed = 2 * time.Minute

func released(b wire.Binding, o wire.Observed) bool {
	if b.Kind != o.Kind {
		return false
	}
	if b.Normalized != "" {
		return o.Normalized == b.Normalized
	}
	return o.Digest == b.Digest && o.Digest != "" && (b.Shown == "" || o.Shown == b.Shown)
}

func mismatch(text string) error {
	return fault.New(fault.Stale, "permit_mismatch", "%s", text).Because("binding", "policy statement (b)").FixedBy("the requester").
		Then("run exactly what was approved, or: plumb change edit CHANGE")
}

var idForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z]{2,8})-0*([1-9][0-9]{0,14})$`) })

// normID writes a change's id without zeros and in capitals, to compare it with another.
func normID(s string) string {
	m := idForm().FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return s
	}
	return strings.ToUpper(m[1]) + "-" + m[2]
}

// heldPermit is a permit that is kept on this machine from its opening to its close: with the server
// down, the attempt that it was given for may still start, once.
type heldPermit struct {
	URL     string           `json:"url"`
	Key     string           `json:"key"`
	Fence   int64            `json:"fence"`
	Verdict wire.GateVerdict `json:"verdict"`
	file    string
}

func (a *app) permitFile(c *client.Client, change, kind string, attempt int64) (string, error) {
	dir, err := a.stateDir()
	name := seal.Digest("plumb.held.v1", fmt.Appendf(nil, "%s\n%s\n%s\n%d", c.URL(), normID(change), kind, max(1, attempt)))
	return filepath.Join(dir, "permits", strings.TrimPrefix(name, "sha256:")[:32]+".json"), err
}

// hold keeps a permit.
func (a *app) hold(c *client.Client, r wire.GateRequest, v wire.GateVerdict, also string) error {
	p, err := predicate(v)
	if err != nil {
		return err
	}
	b, err := marshal(heldPermit{URL: c.URL(), Key: r.Key, Fence: p.Fence, Verdict: v})
	if err != nil {
		return err
	}
	path, err := a.permitFile(c, v.Change, r.Kind, r.Attempt)
	if err != nil {
		return err
	}
	if old, err := a.held(c, v.Change, r.Kind, r.Attempt); err != nil || old != nil && old.Verdict.PermitID != v.PermitID {
		a.drop(path) // of an earlier revision
	}
	if err := writePrivate(path, b); err != nil {
		return fmt.Errorf("keep permit: %w", err)
	}
	if also == "" {
		return nil
	}
	b, err = marshal(v.Permit)
	if err != nil {
		return err
	}
	return seal.WriteFile(also, b, 0o600)
}

// predicate reads what a permit says; the caller has verified it.
func predicate(v wire.GateVerdict) (wire.PermitPredicate, error) {
	payload, err := v.Permit.DecodeB64Payload()
	if err != nil {
		return wire.PermitPredicate{}, fmt.Errorf("read permit: %w", err)
	}
	var s seal.Statement[wire.PermitPredicate]
	if err := json.Unmarshal(payload, &s); err != nil {
		return wire.PermitPredicate{}, fmt.Errorf("read permit: %w", err)
	}
	return s.Predicate, nil
}

// held finds a permit that is kept here; nil when there is none.
func (a *app) held(c *client.Client, change, kind string, attempt int64) (*heldPermit, error) {
	path, err := a.permitFile(c, change, kind, attempt)
	if err != nil {
		return nil, err
	}
	b, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h := heldPermit{file: path}
	if err := json.Unmarshal(b, &h); err != nil || h.Verdict.Permit == nil {
		return nil, fault.New(fault.Invalid, "bad_permit_file", "%s is not a permit.", path).FixedBy("you").Then("rm %s", path).From(err)
	}
	return &h, nil
}

// usable reports whether a kept permit can still start something: it was not started here, and has not
// expired.
func (h *heldPermit) usable(now time.Time) bool {
	if h == nil || !now.Before(h.Verdict.Expires) {
		return false
	}
	_, err := os.Lstat(h.file + ".started")
	return errors.Is(err, fs.ErrNotExist)
}

// started marks a kept permit as used, once and for all on this machine.
func (h *heldPermit) started() error {
	f, err := os.OpenFile(h.file+".started", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Denied, "attempt_used", "The permit of this attempt was used on this machine already.").
			Because("single-use", "policy statement (a)").FixedBy("the requester").Then("plumb change show %s", h.Verdict.Change)
	}
	if err != nil {
		return fmt.Errorf("mark permit as used: %w", err)
	}
	return f.Close()
}

// drop forgets a kept permit whose execution was reported.
func (a *app) drop(file string) {
	if file == "" {
		return
	}
	for _, f := range []string{file, file + ".started"} {
		if err := os.Remove(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.note("The used permit could not be removed: %v", err)
		}
	}
}
