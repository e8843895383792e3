package reconcile_test

import (
	"testing"
	"time"
)

// A week has the differences that were seen in it, and the figures of all weeks are what they have together.
func TestAWeekHasWhatWasSeenInIt(t *testing.T) {
	t.Parallel()
	f := found(t)
	f.server(1, "prod", size("cx22"))
	f.observe(time.Hour)
	f.clock.Add(15 * 24 * time.Hour)
	f.set("cloud", 1, "image", text("debian-13"))
	f.observe(time.Hour)
	f.clock.Add(8 * 24 * time.Hour)
	f.set("cloud", 1, "firewall.ssh", text("0.0.0.0/0"))
	f.set("cloud", 1, "server_type", text("cx52"))
	f.observe(time.Hour)
	all, list, err := f.Weeks(t.Context(), 3)
	f.must(err)
	if len(list) != 3 || list[0].Judged != 0 || list[1].Unauthorized != 1 || list[2].Unauthorized != 2 || list[2].Judged != 2 {
		t.Errorf("weeks %+v, want none, one and two differences", list)
	}
	if all.Judged != 3 || all.Unauthorized != 3 || all.Share != 10_000 || all.Since != list[0].Begin || all.Waiting != 3 || all.Overdue != 1 {
		t.Errorf("together %+v, want all three, and one of them overdue", all)
	}
	same, err := f.Figures(t.Context(), list[0].Begin)
	f.must(err)
	if same.Judged != all.Judged || same.By["unauthorized"] != 3 || same.Waiting != all.Waiting || same.Overdue != all.Overdue {
		t.Errorf("figures %+v, want %+v", same, all)
	}
}
