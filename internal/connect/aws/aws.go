// Package aws reads what one account has in one region of Amazon EC2: instances, images (its own, and those that instances were
// built from), volumes, security groups, subnets and VPCs. It only describes.
package aws

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"plumbline.dev/plumb/internal/connect"
	"plumbline.dev/plumb/internal/inventory"
)

// Limits of one answer; a page holds at most 1000 things.
const (
	maxAnswer = 64 << 20
	maxWait   = time.Minute
	attempts  = 6
	perPage   = 500
	perCall   = 100 // ids in one question
)

// Kind is this kind of source.
func Kind() inventory.Kind {
	return inventory.Kind{
		Name: "aws", Title: "Amazon EC2, one account and region", Mapper: 2, Absence: true, Every: 15 * time.Minute,
		Settings: []inventory.Setting{
			{Key: "account", Help: "number of the account, twelve digits", Required: true},
			{Key: "region", Help: "region, such as eu-central-1", Required: true},
			{Key: "access_key", Help: "id of the access key of a user that may only describe", Required: true},
			{Key: "secret_key", Help: "secret of that access key", Required: true, Secret: true},
			{Key: "endpoint", Help: "address of the API, where it is not the region's own"},
		},
		Rules: []inventory.AttrRule{
			{Type: "aws_security_group", Path: "*", Kind: inventory.Security},
			{Type: "*", Path: "security_groups", Kind: inventory.Security},
			{Type: "aws_instance", Path: "metadata_tokens", Kind: inventory.Security},
			{Type: "aws_instance", Path: "iam_profile", Kind: inventory.Security},
			{Type: "aws_instance", Path: "public_ip", Kind: inventory.Security},
			{Type: "aws_ami", Path: "public", Kind: inventory.Security},
			{Type: "aws_ebs_volume", Path: "encrypted", Kind: inventory.Security},
			{Type: "*", Path: "state", Kind: inventory.State},
			{Type: "*", Path: "created", Kind: inventory.Identity},
		},
		Open: func(in inventory.Input) (inventory.Source, error) {
			return open(in, retry.NewExponentialJitterBackoff(20*time.Second))
		},
	}
}

// source is one reading of one account's region.
type source struct {
	account, region string
	api             *ec2.Client
	http            interface{ CloseIdleConnections() }
}

func open(in inventory.Input, backoff retry.BackoffDelayer) (*source, error) {
	set := in.Settings
	switch {
	case len(set["account"]) != 12 || strings.Trim(set["account"], "0123456789") != "":
		return nil, connect.BadSetting("account", "is not twelve digits")
	case set["region"] == "" || strings.Trim(set["region"], "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return nil, connect.BadSetting("region", "is no name of a region")
	case set["access_key"] == "" || set["secret_key"] == "":
		return nil, connect.BadSetting("access_key", "and secret_key are needed")
	}
	client := connect.Client(nil, maxWait, maxAnswer)
	o := ec2.Options{Region: set["region"], HTTPClient: client, AppID: "plumb",
		Credentials: sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
			return sdk.Credentials{AccessKeyID: set["access_key"], SecretAccessKey: set["secret_key"], Source: "plumb"}, nil
		}),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts, o.Backoff = attempts, backoff
		})}
	if set["endpoint"] != "" {
		at, err := connect.Endpoint("endpoint", set["endpoint"])
		if err != nil {
			return nil, err
		}
		o.BaseEndpoint = sdk.String(at.String())
	}
	return &source{account: set["account"], region: set["region"], api: ec2.New(o), http: client}, nil
}

// Scopes names the account and region, so that an empty one is known to be empty.
func (s *source) Scopes() []string { return []string{s.account + "/" + s.region} }

// Collect emits what the account has in the region, and fails where any list does.
func (s *source) Collect(ctx context.Context, emit func(inventory.Record) error) error {
	defer s.http.CloseIdleConnections()
	out := func(r inventory.Record) error {
		r.Scope = s.account + "/" + s.region
		return emit(r)
	}
	inUse, err := s.instances(ctx, out)
	if err != nil {
		return err
	}
	for _, read := range []func(context.Context, func(inventory.Record) error) error{
		func(ctx context.Context, emit func(inventory.Record) error) error { return s.images(ctx, inUse, emit) },
		s.volumes, s.groups, s.subnets, s.vpcs,
	} {
		if err := read(ctx, out); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// pager is one list of the API.
type pager[T any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...func(*ec2.Options)) (T, error)
}

// pages reads a list to its end.
func pages[T any](ctx context.Context, what string, p pager[T], each func(T) error) error {
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		if err != nil {
			return refused(what, err)
		}
		if err := each(page); err != nil {
			return err
		}
	}
	return nil
}

// emitAll emits a record for each item.
func emitAll[T any](list []T, record func(T) inventory.Record, emit func(inventory.Record) error) error {
	for _, v := range list {
		if err := emit(record(v)); err != nil {
			return err
		}
	}
	return nil
}

// refused turns the library's error into a refusal. Its own words hold what was asked and answered.
func refused(what string, err error) error {
	if api := smithy.APIError(nil); errors.As(err, &api) {
		switch api.ErrorCode() {
		case "AuthFailure", "UnauthorizedOperation", "InvalidClientTokenId", "SignatureDoesNotMatch", "OptInRequired", "Blocked", "AccessDenied":
			return connect.NotAdmitted(what)
		}
	}
	return connect.Unreadable(what, err)
}

// Look asks for one instance by its id. Of other things the lists say whether they are.
func (s *source) Look(ctx context.Context, r inventory.Record) (inventory.Sight, error) {
	if r.Class != inventory.Host {
		return inventory.Unasked, nil
	}
	out, err := s.api.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{r.Native}})
	if api := smithy.APIError(nil); errors.As(err, &api) && api.ErrorCode() == "InvalidInstanceID.NotFound" {
		return inventory.NotThere, nil
	}
	if err != nil {
		return inventory.Unsure, refused("one instance", err)
	}
	for _, reservation := range out.Reservations {
		for _, v := range reservation.Instances {
			if sdk.ToString(v.InstanceId) == r.Native && (v.State == nil || v.State.Name != types.InstanceStateNameTerminated) {
				return inventory.There, nil
			}
		}
	}
	return inventory.NotThere, nil
}

func (s *source) instances(ctx context.Context, emit func(inventory.Record) error) (images []string, err error) {
	p := ec2.NewDescribeInstancesPaginator(s.api, &ec2.DescribeInstancesInput{MaxResults: sdk.Int32(perPage)})
	err = pages(ctx, "instances", p, func(page *ec2.DescribeInstancesOutput) error {
		for _, r := range page.Reservations {
			for _, v := range r.Instances {
				if v.State != nil && v.State.Name == types.InstanceStateNameTerminated {
					continue // it is listed for an hour after its end
				}
				if id := sdk.ToString(v.ImageId); id != "" {
					images = append(images, id)
				}
				if err := emit(s.instance(v)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	slices.Sort(images)
	return slices.Compact(images), err
}

// images lists the account's own, and those that are in use: all that could be used are hundreds of thousands.
func (s *source) images(ctx context.Context, inUse []string, emit func(inventory.Record) error) error {
	seen := map[string]bool{}
	take := func(page *ec2.DescribeImagesOutput) error {
		for _, v := range page.Images {
			id := sdk.ToString(v.ImageId)
			if seen[id] {
				continue
			}
			seen[id] = true
			if err := emit(s.image(v)); err != nil {
				return err
			}
		}
		return nil
	}
	own := &ec2.DescribeImagesInput{Owners: []string{"self"}, IncludeDeprecated: sdk.Bool(true), MaxResults: sdk.Int32(perPage)}
	if err := pages(ctx, "images", ec2.NewDescribeImagesPaginator(s.api, own), take); err != nil {
		return err
	}
	inUse = slices.DeleteFunc(inUse, func(id string) bool { return seen[id] })
	for part := range slices.Chunk(inUse, perCall) {
		// By a filter, for which an image that was withdrawn is none, instead of an error.
		used := &ec2.DescribeImagesInput{Filters: []types.Filter{{Name: sdk.String("image-id"), Values: part}}, IncludeDeprecated: sdk.Bool(true), MaxResults: sdk.Int32(perPage)}
		if err := pages(ctx, "images in use", ec2.NewDescribeImagesPaginator(s.api, used), take); err != nil {
			return err
		}
	}
	return nil
}

func (s *source) volumes(ctx context.Context, emit func(inventory.Record) error) error {
	p := ec2.NewDescribeVolumesPaginator(s.api, &ec2.DescribeVolumesInput{MaxResults: sdk.Int32(perPage)})
	return pages(ctx, "volumes", p, func(page *ec2.DescribeVolumesOutput) error { return emitAll(page.Volumes, s.volume, emit) })
}

func (s *source) groups(ctx context.Context, emit func(inventory.Record) error) error {
	p := ec2.NewDescribeSecurityGroupsPaginator(s.api, &ec2.DescribeSecurityGroupsInput{MaxResults: sdk.Int32(perPage)})
	return pages(ctx, "security groups", p, func(page *ec2.DescribeSecurityGroupsOutput) error { return emitAll(page.SecurityGroups, s.group, emit) })
}

func (s *source) subnets(ctx context.Context, emit func(inventory.Record) error) error {
	p := ec2.NewDescribeSubnetsPaginator(s.api, &ec2.DescribeSubnetsInput{MaxResults: sdk.Int32(perPage)})
	return pages(ctx, "subnets", p, func(page *ec2.DescribeSubnetsOutput) error { return emitAll(page.Subnets, s.subnet, emit) })
}

func (s *source) vpcs(ctx context.Context, emit func(inventory.Record) error) error {
	p := ec2.NewDescribeVpcsPaginator(s.api, &ec2.DescribeVpcsInput{MaxResults: sdk.Int32(perPage)})
	return pages(ctx, "networks", p, func(page *ec2.DescribeVpcsOutput) error { return emitAll(page.Vpcs, s.vpc, emit) })
}
