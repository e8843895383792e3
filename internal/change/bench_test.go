package change_test

import (
	"strings"
	"testing"

	"plumbline.dev/plumb/internal/change"
	"plumbline.dev/plumb/internal/db/dbtest"
	"plumbline.dev/plumb/internal/seal"
)

// BenchmarkFlow is create, test, submit and two approvals, by many at once: five durable transitions.
func BenchmarkFlow(b *testing.B) {
	o := found(b, dbtest.NewClock())
	for _, who := range []string{"ann", "sam", "erin"} {
		o.as(who)
	}
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c, err := o.File(b.Context(), o.as("ann"), configChange(o))
			if err == nil {
				_, err = o.AddEvidence(b.Context(), o.as("ann"), c.ID, change.Evidence{Format: "junit", Subject: seal.Raw([]byte(file))}, strings.NewReader(passing))
			}
			if err == nil {
				_, err = o.Submit(b.Context(), o.as("ann"), c.ID, c.RevDigest)
			}
			if err == nil {
				_, err = o.Approve(b.Context(), o.as("sam"), c.ID, c.RevDigest, "")
			}
			if err == nil {
				_, err = o.Approve(b.Context(), o.as("erin"), c.ID, c.RevDigest, "")
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}
