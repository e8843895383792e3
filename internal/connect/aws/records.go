package aws

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// arn is the name of a thing in every source that knows it.
func (s *source) arn(kind, id string) inventory.Identifier {
	partition := "aws"
	switch {
	case strings.HasPrefix(s.region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(s.region, "us-gov-"):
		partition = "aws-us-gov"
	}
	account := s.account
	if kind == "image" {
		account = "" // the ARN of an image names no account
	}
	return inventory.Identifier{Kind: "cloud-id", Value: "arn:" + partition + ":ec2:" + s.region + ":" + account + ":" + kind + "/" + id}
}

func (s *source) link(verb, kind string, id *string) []inventory.Link {
	if sdk.ToString(id) == "" {
		return nil
	}
	return []inventory.Link{{Verb: verb, To: s.arn(kind, *id)}}
}

// record begins a record with what all things have. kind is the word of the ARN.
func (s *source) record(class inventory.Class, recordType, kind string, id *string, list []types.Tag) (inventory.Record, connect.Attrs) {
	tags := map[string]string{}
	for _, t := range list {
		tags[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
	}
	a := connect.Attrs{}
	a.Tags("tags", tags)
	native := sdk.ToString(id)
	return inventory.Record{Type: recordType, Class: class, Native: native, Name: cmp.Or(tags["Name"], native), Attrs: a, Labels: connect.Labels(tags),
		IDs: []inventory.Identifier{s.arn(kind, native)}}, a
}

func (s *source) instance(v types.Instance) inventory.Record {
	r, a := s.record(inventory.Host, "aws_instance", "instance", v.InstanceId, v.Tags)
	if v.State != nil {
		a.Text("state", string(v.State.Name))
	}
	a.Text("instance_type", string(v.InstanceType))
	a.Text("architecture", string(v.Architecture))
	a.Text("platform", sdk.ToString(v.PlatformDetails))
	a.Text("image_id", sdk.ToString(v.ImageId))
	a.Text("key_name", sdk.ToString(v.KeyName))
	a.Text("private_ip", sdk.ToString(v.PrivateIpAddress))
	a.Text("public_ip", sdk.ToString(v.PublicIpAddress))
	a.Text("subnet_id", sdk.ToString(v.SubnetId))
	a.Text("vpc_id", sdk.ToString(v.VpcId))
	a.Flag("ebs_optimized", sdk.ToBool(v.EbsOptimized))
	a.Flag("source_dest_check", sdk.ToBool(v.SourceDestCheck))
	if v.IamInstanceProfile != nil {
		a.Text("iam_profile", sdk.ToString(v.IamInstanceProfile.Arn))
	}
	if v.MetadataOptions != nil {
		a.Text("metadata_tokens", string(v.MetadataOptions.HttpTokens))
	}
	if v.Monitoring != nil {
		a.Text("monitoring", string(v.Monitoring.State))
	}
	if v.Placement != nil {
		a.Text("zone", sdk.ToString(v.Placement.AvailabilityZone))
		a.Text("tenancy", string(v.Placement.Tenancy))
	}
	if v.LaunchTime != nil { // of the newest start
		r.Volatile = map[string]inventory.Value{"launched": inventory.Text(v.LaunchTime.UTC().Format(time.RFC3339))}
	}
	var groups []string
	for _, g := range v.SecurityGroups {
		groups = append(groups, sdk.ToString(g.GroupId))
	}
	for _, g := range v.SecurityGroups {
		r.Edges = append(r.Edges, s.link("USES", "security-group", g.GroupId)...)
	}
	a.Set("security_groups", groups)
	r.Edges = append(r.Edges, s.link("BUILT_FROM", "image", v.ImageId)...)
	r.Edges = append(r.Edges, s.link("CONNECTS", "subnet", v.SubnetId)...)
	for _, d := range v.BlockDeviceMappings {
		if d.Ebs != nil {
			r.Edges = append(r.Edges, s.link("USES", "volume", d.Ebs.VolumeId)...)
		}
	}
	r.IDs = append(r.IDs, reached(v)...)
	return r
}

// reached lists by what else an instance is known, each once.
func reached(v types.Instance) []inventory.Identifier {
	var out []inventory.Identifier
	add := func(kind string, value *string) {
		if id := (inventory.Identifier{Kind: kind, Value: strings.ToLower(sdk.ToString(value))}); id.Value != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	add("ip", v.PublicIpAddress)
	add("ip", v.PrivateIpAddress)
	add("fqdn", v.PublicDnsName)
	add("fqdn", v.PrivateDnsName)
	for _, n := range v.NetworkInterfaces {
		add("mac", n.MacAddress)
		add("ip", n.PrivateIpAddress)
	}
	return out
}

func (s *source) image(v types.Image) inventory.Record {
	r, a := s.record(inventory.Image, "aws_ami", "image", v.ImageId, v.Tags)
	if r.Name == r.Native {
		r.Name = cmp.Or(sdk.ToString(v.Name), r.Native)
	}
	a.Text("name", sdk.ToString(v.Name))
	a.Text("description", sdk.ToString(v.Description))
	a.Text("state", string(v.State))
	a.Text("owner_id", sdk.ToString(v.OwnerId))
	a.Text("owner_alias", sdk.ToString(v.ImageOwnerAlias))
	a.Text("architecture", string(v.Architecture))
	a.Text("platform", sdk.ToString(v.PlatformDetails))
	a.Text("created", sdk.ToString(v.CreationDate))
	a.Text("deprecation_time", sdk.ToString(v.DeprecationTime))
	a.Text("source_image", sdk.ToString(v.SourceImageId))
	a.Text("imds_support", string(v.ImdsSupport))
	a.Flag("public", sdk.ToBool(v.Public))
	r.Edges = append(r.Edges, s.link("SNAPSHOT_OF", "instance", v.SourceInstanceId)...)
	return r
}

func (s *source) volume(v types.Volume) inventory.Record {
	r, a := s.record(inventory.Disk, "aws_ebs_volume", "volume", v.VolumeId, v.Tags)
	a.Text("state", string(v.State))
	a.Text("volume_type", string(v.VolumeType))
	a.Text("zone", sdk.ToString(v.AvailabilityZone))
	a.Text("snapshot_id", sdk.ToString(v.SnapshotId))
	a.Text("kms_key", sdk.ToString(v.KmsKeyId))
	a.Number("size_gb", int64(sdk.ToInt32(v.Size)))
	a.Number("iops", int64(sdk.ToInt32(v.Iops)))
	a.Flag("encrypted", sdk.ToBool(v.Encrypted))
	a.Flag("multi_attach", sdk.ToBool(v.MultiAttachEnabled))
	if v.CreateTime != nil {
		a.Text("created", v.CreateTime.UTC().Format(time.RFC3339))
	}
	var on []string
	for _, t := range v.Attachments {
		on = append(on, sdk.ToString(t.InstanceId)+" "+sdk.ToString(t.Device))
	}
	a.Set("attachments", on)
	return r
}

func (s *source) group(v types.SecurityGroup) inventory.Record {
	r, a := s.record(inventory.Firewall, "aws_security_group", "security-group", v.GroupId, v.Tags)
	if r.Name == r.Native {
		r.Name = cmp.Or(sdk.ToString(v.GroupName), r.Native)
	}
	a.Text("description", sdk.ToString(v.Description))
	a.Text("vpc_id", sdk.ToString(v.VpcId))
	a.Set("ingress", permissions(v.IpPermissions))
	a.Set("egress", permissions(v.IpPermissionsEgress))
	r.Edges = s.link("PROTECTS", "vpc", v.VpcId)
	return r
}

// permissions writes each rule down as one text for one peer, so that another grouping of the same rules is the same.
func permissions(list []types.IpPermission) []string {
	var out []string
	for _, p := range list {
		what := sdk.ToString(p.IpProtocol)
		switch {
		case what == "-1":
			what = "all"
		case p.FromPort != nil:
			what += " " + strconv.Itoa(int(*p.FromPort))
			if p.ToPort != nil && *p.ToPort != *p.FromPort {
				what += "-" + strconv.Itoa(int(*p.ToPort))
			}
		}
		for _, r := range p.IpRanges {
			out = append(out, what+" "+sdk.ToString(r.CidrIp))
		}
		for _, r := range p.Ipv6Ranges {
			out = append(out, what+" "+strings.ToLower(sdk.ToString(r.CidrIpv6)))
		}
		for _, r := range p.PrefixListIds {
			out = append(out, what+" "+sdk.ToString(r.PrefixListId))
		}
		for _, g := range p.UserIdGroupPairs {
			out = append(out, what+" "+strings.TrimPrefix(sdk.ToString(g.UserId)+"/", "/")+sdk.ToString(g.GroupId))
		}
	}
	return out
}

func (s *source) subnet(v types.Subnet) inventory.Record {
	r, a := s.record(inventory.Network, "aws_subnet", "subnet", v.SubnetId, v.Tags)
	a.Text("cidr", sdk.ToString(v.CidrBlock))
	a.Text("zone", sdk.ToString(v.AvailabilityZone))
	a.Text("vpc_id", sdk.ToString(v.VpcId))
	a.Text("state", string(v.State))
	a.Flag("public_ip_on_launch", sdk.ToBool(v.MapPublicIpOnLaunch))
	r.Volatile = map[string]inventory.Value{"free_addresses": inventory.Number(int64(sdk.ToInt32(v.AvailableIpAddressCount)))}
	r.Edges = s.link("CONNECTS", "vpc", v.VpcId)
	return r
}

func (s *source) vpc(v types.Vpc) inventory.Record {
	r, a := s.record(inventory.Network, "aws_vpc", "vpc", v.VpcId, v.Tags)
	a.Text("cidr", sdk.ToString(v.CidrBlock))
	a.Text("state", string(v.State))
	a.Text("tenancy", string(v.InstanceTenancy))
	a.Flag("default", sdk.ToBool(v.IsDefault))
	return r
}
