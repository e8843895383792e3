package aws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"plumbline.dev/plumb/internal/fault"
	"plumbline.dev/plumb/internal/inventory"
)

// region is an account's region on loopback. What it holds has the types of the vendor's library; it is written down as the
// EC2 Query API does, and read back by that library.
type region struct {
	url string

	mu        sync.Mutex
	instances []types.Instance
	images    []types.Image
	volumes   []types.Volume
	groups    []types.SecurityGroup
	subnets   []types.Subnet
	vpcs      []types.Vpc
	calls     map[string]int
	refuse    func(action string, call int) (status int, code string)
}

const page = 50 // things in one answer

func el(name string, inner ...string) string {
	text := strings.Join(inner, "")
	if text == "" {
		return ""
	}
	return "<" + name + ">" + text + "</" + name + ">"
}

func esc(s *string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(sdk.ToString(s))
}

func set[T any](name string, list []T, item func(T) string) string {
	var out []string
	for _, v := range list {
		out = append(out, "<item>"+item(v)+"</item>")
	}
	return el(name, out...)
}

func tag(t types.Tag) string { return el("key", esc(t.Key)) + el("value", esc(t.Value)) }

func writeInstance(v types.Instance) string {
	return "<instancesSet><item>" + el("instanceId", esc(v.InstanceId)) + el("imageId", esc(v.ImageId)) + el("instanceState", el("name", string(v.State.Name))) +
		el("instanceType", string(v.InstanceType)) + el("subnetId", esc(v.SubnetId)) + el("ipAddress", esc(v.PublicIpAddress)) + el("privateIpAddress", esc(v.PrivateIpAddress)) +
		el("privateDnsName", esc(v.PrivateDnsName)) + set("tagSet", v.Tags, tag) +
		set("groupSet", v.SecurityGroups, func(g types.GroupIdentifier) string { return el("groupId", esc(g.GroupId)) }) +
		set("networkInterfaceSet", v.NetworkInterfaces, func(n types.InstanceNetworkInterface) string { return el("macAddress", esc(n.MacAddress)) }) +
		set("blockDeviceMapping", v.BlockDeviceMappings, func(d types.InstanceBlockDeviceMapping) string { return el("ebs", el("volumeId", esc(d.Ebs.VolumeId))) }) +
		"</item></instancesSet>"
}

func writeImage(v types.Image) string {
	return el("imageId", esc(v.ImageId)) + el("name", esc(v.Name)) + el("imageOwnerId", esc(v.OwnerId)) + el("imageState", string(v.State)) + el("isPublic", strconv.FormatBool(sdk.ToBool(v.Public)))
}

func writeVolume(v types.Volume) string {
	return el("volumeId", esc(v.VolumeId)) + el("size", strconv.Itoa(int(sdk.ToInt32(v.Size)))) + el("encrypted", strconv.FormatBool(sdk.ToBool(v.Encrypted))) +
		el("kmsKeyId", esc(v.KmsKeyId)) + el("status", string(v.State))
}

func writePermission(p types.IpPermission) string {
	port := func(name string, n *int32) string {
		if n == nil {
			return ""
		}
		return el(name, strconv.Itoa(int(*n)))
	}
	return el("ipProtocol", esc(p.IpProtocol)) + port("fromPort", p.FromPort) + port("toPort", p.ToPort) +
		set("ipRanges", p.IpRanges, func(r types.IpRange) string { return el("cidrIp", esc(r.CidrIp)) }) +
		set("groups", p.UserIdGroupPairs, func(g types.UserIdGroupPair) string {
			return el("userId", esc(g.UserId)) + el("groupId", esc(g.GroupId))
		})
}

func writeGroup(v types.SecurityGroup) string {
	return el("groupId", esc(v.GroupId)) + el("groupName", esc(v.GroupName)) + el("vpcId", esc(v.VpcId)) +
		set("ipPermissions", v.IpPermissions, writePermission) + set("ipPermissionsEgress", v.IpPermissionsEgress, writePermission)
}

func start(t *testing.T) *region {
	r := &region{calls: map[string]int{}}
	s := httptest.NewServer(r)
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// one answers with one instance.
func (r *region) one(w io.Writer, id string, fail func(int, string)) {
	i := slices.IndexFunc(r.instances, func(v types.Instance) bool { return sdk.ToString(v.InstanceId) == id })
	if i < 0 {
		fail(http.StatusBadRequest, "InvalidInstanceID.NotFound")
		return
	}
	_, _ = io.WriteString(w, "<DescribeInstancesResponse>"+el("reservationSet", "<item>"+writeInstance(r.instances[i])+"</item>")+"</DescribeInstancesResponse>")
}

func (r *region) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = q.ParseForm()
	action := q.PostForm.Get("Action")
	r.calls[action]++
	fail := func(status int, code string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<Response><Errors><Error><Code>"+code+"</Code><Message>canary message</Message></Error></Errors><RequestID>1</RequestID></Response>")
	}
	if !strings.Contains(q.Header.Get("Authorization"), "Credential=AKIDTEST/") {
		fail(http.StatusUnauthorized, "AuthFailure")
		return
	}
	if r.refuse != nil {
		if status, code := r.refuse(action, r.calls[action]); status != 0 {
			fail(status, code)
			return
		}
	}
	from, _ := strconv.Atoi(q.PostForm.Get("NextToken"))
	var body string
	switch action {
	case "DescribeInstances":
		if id := q.PostForm.Get("InstanceId.1"); id != "" {
			r.one(w, id, fail)
			return
		}
		body = cut("reservationSet", r.instances, from, writeInstance)
	case "DescribeImages":
		body = cut("imagesSet", slices.DeleteFunc(slices.Clone(r.images), func(v types.Image) bool {
			if q.PostForm.Get("Owner.1") == "self" {
				return sdk.ToString(v.OwnerId) != "123456789012"
			}
			for k, list := range q.PostForm {
				if strings.HasPrefix(k, "Filter.1.Value.") && list[0] == *v.ImageId {
					return false
				}
			}
			return true
		}), from, writeImage)
	case "DescribeVolumes":
		body = cut("volumeSet", r.volumes, from, writeVolume)
	case "DescribeSecurityGroups":
		body = cut("securityGroupInfo", r.groups, from, writeGroup)
	case "DescribeSubnets":
		body = cut("subnetSet", r.subnets, from, func(v types.Subnet) string {
			return el("subnetId", esc(v.SubnetId)) + el("vpcId", esc(v.VpcId)) + el("cidrBlock", esc(v.CidrBlock))
		})
	case "DescribeVpcs":
		body = cut("vpcSet", r.vpcs, from, func(v types.Vpc) string { return el("vpcId", esc(v.VpcId)) + el("cidrBlock", esc(v.CidrBlock)) })
	default:
		fail(http.StatusBadRequest, "InvalidAction")
		return
	}
	_, _ = io.WriteString(w, `<?xml version="1.0"?><`+action+`Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">`+body+`</`+action+`Response>`)
}

func cut[T any](name string, all []T, from int, item func(T) string) string {
	to := min(from+page, len(all))
	next := ""
	if to < len(all) {
		next = el("nextToken", strconv.Itoa(to))
	}
	return set(name, all[from:to], item) + next
}

func furnished(t *testing.T) *region {
	r := start(t)
	for i := range 120 {
		r.instances = append(r.instances, types.Instance{InstanceId: sdk.String(fmt.Sprintf("i-%03d", i)), ImageId: sdk.String("ami-public"), InstanceType: "t3.small",
			State: &types.InstanceState{Name: "running"}, SubnetId: sdk.String("subnet-1"), PublicIpAddress: sdk.String("192.0.2.7"), PrivateIpAddress: sdk.String("10.0.0.7"),
			PrivateDnsName:      sdk.String("ip-10-0-0-7.EU-central-1.compute.internal"),
			Tags:                []types.Tag{{Key: sdk.String("Name"), Value: sdk.String("web & shop")}, {Key: sdk.String("Environment"), Value: sdk.String("prod")}},
			SecurityGroups:      []types.GroupIdentifier{{GroupId: sdk.String("sg-1")}},
			NetworkInterfaces:   []types.InstanceNetworkInterface{{MacAddress: sdk.String("02:AA:00:00:00:01")}},
			BlockDeviceMappings: []types.InstanceBlockDeviceMapping{{Ebs: &types.EbsInstanceBlockDevice{VolumeId: sdk.String("vol-1")}}}})
	}
	r.instances = append(r.instances, types.Instance{InstanceId: sdk.String("i-ended"), ImageId: sdk.String("ami-ended"), State: &types.InstanceState{Name: "terminated"}})
	r.images = []types.Image{{ImageId: sdk.String("ami-own"), Name: sdk.String("golden"), OwnerId: sdk.String("123456789012"), State: "available"},
		{ImageId: sdk.String("ami-public"), Name: sdk.String("debian-12"), OwnerId: sdk.String("136693071363"), State: "available", Public: sdk.Bool(true)},
		{ImageId: sdk.String("ami-nobodys"), OwnerId: sdk.String("999999999999")}}
	r.volumes = []types.Volume{{VolumeId: sdk.String("vol-1"), Size: sdk.Int32(40), Encrypted: sdk.Bool(true), KmsKeyId: sdk.String("arn:aws:kms:x:1:key/2"), State: "in-use"}}
	r.groups = []types.SecurityGroup{{GroupId: sdk.String("sg-1"), GroupName: sdk.String("web"), VpcId: sdk.String("vpc-1"), IpPermissions: []types.IpPermission{
		{IpProtocol: sdk.String("tcp"), FromPort: sdk.Int32(443), ToPort: sdk.Int32(443), IpRanges: []types.IpRange{{CidrIp: sdk.String("0.0.0.0/0")}, {CidrIp: sdk.String("10.0.0.0/8")}}},
		{IpProtocol: sdk.String("tcp"), FromPort: sdk.Int32(8000), ToPort: sdk.Int32(8010), UserIdGroupPairs: []types.UserIdGroupPair{{UserId: sdk.String("123456789012"), GroupId: sdk.String("sg-2")}}}},
		IpPermissionsEgress: []types.IpPermission{{IpProtocol: sdk.String("-1"), IpRanges: []types.IpRange{{CidrIp: sdk.String("0.0.0.0/0")}}}}}}
	r.subnets = []types.Subnet{{SubnetId: sdk.String("subnet-1"), VpcId: sdk.String("vpc-1"), CidrBlock: sdk.String("10.0.0.0/24")}}
	r.vpcs = []types.Vpc{{VpcId: sdk.String("vpc-1"), CidrBlock: sdk.String("10.0.0.0/16")}}
	return r
}

func read(ctx context.Context, r *region, key string) (map[string]inventory.Record, error) {
	s, err := open(inventory.Input{Settings: map[string]string{"account": "123456789012", "region": "eu-central-1", "access_key": key, "secret_key": "canary-secret-key", "endpoint": r.url}},
		retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil }))
	if err != nil {
		return nil, err
	}
	out := map[string]inventory.Record{}
	return out, s.Collect(ctx, func(r inventory.Record) error {
		key := r.Type + "/" + r.Native
		if _, twice := out[key]; twice {
			return fmt.Errorf("%s came twice", key)
		}
		out[key] = r
		return nil
	})
}

func codeOf(err error) string {
	if own := (*fault.Error)(nil); errors.As(err, &own) {
		return own.Code
	}
	return ""
}

func TestARegionIsReadOverAllPages(t *testing.T) {
	t.Parallel()
	got, err := read(t.Context(), furnished(t), "AKIDTEST")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range got {
		count[r.Type]++
		if r.Scope != "123456789012/eu-central-1" || r.IDs[0].Kind != "cloud-id" {
			t.Errorf("%+v", r)
		}
	}
	want := map[string]int{"aws_instance": 120, "aws_ami": 2, "aws_ebs_volume": 1, "aws_security_group": 1, "aws_subnet": 1, "aws_vpc": 1}
	if diff := cmp.Diff(want, count); diff != "" {
		t.Error(diff)
	}
	sg := got["aws_security_group/sg-1"].Attrs
	if sg["ingress"] != inventory.Set("tcp 443 0.0.0.0/0", "tcp 443 10.0.0.0/8", "tcp 8000-8010 123456789012/sg-2") || sg["egress"] != inventory.Set("all 0.0.0.0/0") {
		t.Error(sg)
	}
	if v := got["aws_ebs_volume/vol-1"].Attrs; v["encrypted"] != "true" || v["size_gb"] != "40" || v["kms_key"] != `"arn:aws:kms:x:1:key/2"` {
		t.Error(v)
	}
}

func TestAnInstanceIsKnownByWhatOtherSourcesKnowItBy(t *testing.T) {
	t.Parallel()
	got, err := read(t.Context(), furnished(t), "AKIDTEST")
	if err != nil {
		t.Fatal(err)
	}
	i := got["aws_instance/i-007"]
	arn := func(kind, id string) inventory.Identifier {
		account := "123456789012"
		if kind == "image" {
			account = ""
		}
		return inventory.Identifier{Kind: "cloud-id", Value: "arn:aws:ec2:eu-central-1:" + account + ":" + kind + "/" + id}
	}
	ids := []inventory.Identifier{arn("instance", "i-007"), {Kind: "ip", Value: "192.0.2.7"}, {Kind: "ip", Value: "10.0.0.7"},
		{Kind: "fqdn", Value: "ip-10-0-0-7.eu-central-1.compute.internal"}, {Kind: "mac", Value: "02:aa:00:00:00:01"}}
	if diff := cmp.Diff(ids, i.IDs); diff != "" {
		t.Error(diff)
	}
	to := map[string]string{}
	for _, e := range i.Edges {
		to[e.To.Value] = e.Verb
	}
	want := map[string]string{arn("image", "ami-public").Value: "BUILT_FROM", arn("subnet", "subnet-1").Value: "CONNECTS", arn("volume", "vol-1").Value: "USES", arn("security-group", "sg-1").Value: "USES"}
	if !maps.Equal(want, to) || i.Name != "web & shop" || i.Labels["environment"] != "prod" {
		t.Errorf("%+v", i)
	}
}

func TestARegionThatBreaksOffIsAnError(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"DescribeInstances", "DescribeImages", "DescribeVolumes", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs"} {
		r := furnished(t)
		r.refuse = func(a string, call int) (int, string) {
			if a == action && (a != "DescribeInstances" || call > 2) { // the last page of the instances
				return http.StatusInternalServerError, "InternalError"
			}
			return 0, ""
		}
		if _, err := read(t.Context(), r, "AKIDTEST"); codeOf(err) != "not_readable" || strings.Contains(fmt.Sprintf("%+v", err), "canary") {
			t.Errorf("%s: %v", action, err)
		}
	}
}

// An instance that a list did not show is asked for by itself, and a region that does not answer ends nothing.
func TestOneInstanceIsAskedFor(t *testing.T) {
	t.Parallel()
	r := start(t)
	for id, state := range map[string]types.InstanceStateName{"i-1": "running", "i-2": "stopped", "i-3": "terminated"} {
		r.instances = append(r.instances, types.Instance{InstanceId: sdk.String(id), State: &types.InstanceState{Name: state}})
	}
	s, err := open(inventory.Input{Settings: map[string]string{"account": "123456789012", "region": "eu-central-1", "access_key": "AKIDTEST", "secret_key": "x", "endpoint": r.url}},
		retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil }))
	if err != nil {
		t.Fatal(err)
	}
	look := func(class inventory.Class, id string, want inventory.Sight) {
		t.Helper()
		if got, err := s.Look(t.Context(), inventory.Record{Class: class, Native: id}); got != want || (err != nil) != (want == inventory.Unsure) {
			t.Errorf("%s %s is %v, %v, want %v", class, id, got, err, want)
		}
	}
	look(inventory.Host, "i-1", inventory.There)
	look(inventory.Host, "i-2", inventory.There)
	look(inventory.Host, "i-3", inventory.NotThere)
	look(inventory.Host, "i-4", inventory.NotThere)
	look(inventory.Disk, "vol-1", inventory.Unasked)
	r.refuse = func(string, int) (int, string) { return http.StatusForbidden, "UnauthorizedOperation" }
	look(inventory.Host, "i-4", inventory.Unsure)
}

func TestThrottlingIsWaitedForAndAKeyThatMayNotReadIsTold(t *testing.T) {
	t.Parallel()
	r := furnished(t)
	r.refuse = func(_ string, call int) (int, string) {
		if call == 1 {
			return http.StatusServiceUnavailable, "RequestLimitExceeded"
		}
		return 0, ""
	}
	if got, err := read(t.Context(), r, "AKIDTEST"); err != nil || len(got) != 126 {
		t.Errorf("%d, %v", len(got), err)
	}
	if _, err := read(t.Context(), r, "AKIDOTHER"); codeOf(err) != "not_admitted" {
		t.Error(err)
	}
	r.refuse = func(string, int) (int, string) { return http.StatusForbidden, "UnauthorizedOperation" }
	if _, err := read(t.Context(), r, "AKIDTEST"); codeOf(err) != "not_admitted" || strings.Contains(fmt.Sprintf("%+v", err), "canary") {
		t.Error(err)
	}
}

func TestTheSecretKeyIsInNoRecord(t *testing.T) {
	t.Parallel()
	got, err := read(t.Context(), furnished(t), "AKIDTEST")
	if err != nil || strings.Contains(fmt.Sprintf("%+v", got), "canary") || strings.Contains(fmt.Sprintf("%+v", got), "AKIDTEST") {
		t.Errorf("a credential is in a record, or %v", err)
	}
}

func TestSettingsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	good := map[string]string{"account": "123456789012", "region": "eu-central-1", "access_key": "a", "secret_key": "b"}
	if _, err := Kind().Open(inventory.Input{Settings: good}); err != nil {
		t.Error(err)
	}
	for key, value := range map[string]string{"account": "12", "region": "x/y", "access_key": "", "secret_key": "", "endpoint": "http://far.example.com"} {
		bad := maps.Clone(good)
		bad[key] = value
		if _, err := Kind().Open(inventory.Input{Settings: bad}); codeOf(err) != "bad_setting" {
			t.Errorf("%s: %v", key, err)
		}
	}
}
