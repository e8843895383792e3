package prove

import (
	"context"
	"io"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/policy"
)

// request is what a change asks for, as it was proved.
type request struct {
	id       string
	material change.Material
}

// Cases verifies a pack and gives its changes as cases to try a policy on, in the order of their numbers, with the policy that was in
// force when the pack was written; nil where none was. Where the report is not whole there are none: a policy that was tried on what
// somebody edited says nothing. The error is that of Verify.
func Cases(ctx context.Context, r io.ReaderAt, size int64, opt Options) (list []policy.Case, inForce *policy.Pack, report *Report, err error) {
	var asked []request
	v, report, err := verify(ctx, r, size, opt, &asked)
	if err != nil || !report.Whole() || len(v.history) == 0 {
		return nil, nil, report, err
	}
	if inForce, err = v.pack(v.history[len(v.history)-1].digest); err != nil {
		return nil, nil, report, err
	}
	for _, w := range asked {
		list = append(list, change.Case(w.id, w.material, inForce))
	}
	return list, inForce, report, nil
}
