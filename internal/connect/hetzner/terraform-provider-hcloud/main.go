// Command terraform-provider-hcloud is a Terraform provider of one resource, hcloud_server, for tests: with it create, update, replace,
// import and drift are a real tool's own. It is a program of its own and no part of plumb, which never runs a provider; Terraform
// finds it by a development override, so nothing is installed.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hetznercloud/hcloud-go/v2/hcloud"
)

func main() {
	if err := providerserver.Serve(context.Background(), func() provider.Provider { return hetzner{} },
		providerserver.ServeOpts{Address: "plumbline.dev/test/hcloud"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// hetzner is the provider. Its API is that of HCLOUD_ENDPOINT, with the token of HCLOUD_TOKEN.
type hetzner struct{}

// Metadata names the provider.
func (hetzner) Metadata(_ context.Context, _ provider.MetadataRequest, out *provider.MetadataResponse) {
	out.TypeName = "hcloud"
}

// Schema has no settings: the environment has them.
func (hetzner) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

// Configure makes the client.
func (hetzner) Configure(_ context.Context, _ provider.ConfigureRequest, out *provider.ConfigureResponse) {
	out.ResourceData = hcloud.NewClient(hcloud.WithEndpoint(os.Getenv("HCLOUD_ENDPOINT")), hcloud.WithToken(os.Getenv("HCLOUD_TOKEN")))
}

// DataSources lists none.
func (hetzner) DataSources(context.Context) []func() datasource.DataSource { return nil }

// Resources lists the one.
func (hetzner) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &server{} }}
}

// server is the resource hcloud_server.
type server struct{ api *hcloud.Client }

// values are its attributes.
type values struct {
	ID           types.String `tfsdk:"id"`
	Name         types.String `tfsdk:"name"`
	ServerType   types.String `tfsdk:"server_type"`
	Image        types.String `tfsdk:"image"`
	Labels       types.Map    `tfsdk:"labels"`
	RootPassword types.String `tfsdk:"root_password"`
	IPv4         types.String `tfsdk:"ipv4_address"`
}

// Metadata names the resource.
func (*server) Metadata(_ context.Context, _ resource.MetadataRequest, out *resource.MetadataResponse) {
	out.TypeName = "hcloud_server"
}

// Schema says what can be changed in place (name, labels) and what makes another server (type, image).
func (*server) Schema(_ context.Context, _ resource.SchemaRequest, out *resource.SchemaResponse) {
	keep := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	another := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	out.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":            schema.StringAttribute{Computed: true, PlanModifiers: keep},
		"name":          schema.StringAttribute{Required: true},
		"server_type":   schema.StringAttribute{Required: true, PlanModifiers: another},
		"image":         schema.StringAttribute{Required: true, PlanModifiers: another},
		"labels":        schema.MapAttribute{Optional: true, ElementType: types.StringType},
		"root_password": schema.StringAttribute{Optional: true, Sensitive: true},
		"ipv4_address":  schema.StringAttribute{Computed: true, PlanModifiers: keep},
	}}
}

// Configure takes the client.
func (s *server) Configure(_ context.Context, in resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	s.api, _ = in.ProviderData.(*hcloud.Client)
}

func (v *values) labels(ctx context.Context) map[string]string {
	out := map[string]string{}
	v.Labels.ElementsAs(ctx, &out, false)
	return out
}

// take takes over what the API says.
func (v *values) take(ctx context.Context, is *hcloud.Server) {
	v.ID = types.StringValue(strconv.FormatInt(is.ID, 10))
	v.Name = types.StringValue(is.Name)
	v.ServerType = types.StringValue(is.ServerType.Name)
	v.Image = types.StringValue(is.Image.Name)
	v.IPv4 = types.StringValue(is.PublicNet.IPv4.IP.String())
	if len(is.Labels) > 0 || !v.Labels.IsNull() {
		v.Labels, _ = types.MapValueFrom(ctx, types.StringType, is.Labels)
	}
}

// Create makes a server.
func (s *server) Create(ctx context.Context, in resource.CreateRequest, out *resource.CreateResponse) {
	var v values
	if out.Diagnostics.Append(in.Plan.Get(ctx, &v)...); out.Diagnostics.HasError() {
		return
	}
	made, _, err := s.api.Server.Create(ctx, hcloud.ServerCreateOpts{Name: v.Name.ValueString(), Labels: v.labels(ctx),
		ServerType: &hcloud.ServerType{Name: v.ServerType.ValueString()}, Image: &hcloud.Image{Name: v.Image.ValueString()}})
	if err != nil {
		out.Diagnostics.AddError("The server was not made.", err.Error())
		return
	}
	v.take(ctx, made.Server)
	out.Diagnostics.Append(out.State.Set(ctx, &v)...)
}

// Read takes what is there over into the state; a server that is gone leaves it.
func (s *server) Read(ctx context.Context, in resource.ReadRequest, out *resource.ReadResponse) {
	var v values
	if out.Diagnostics.Append(in.State.Get(ctx, &v)...); out.Diagnostics.HasError() {
		return
	}
	id, _ := strconv.ParseInt(v.ID.ValueString(), 10, 64)
	is, _, err := s.api.Server.GetByID(ctx, id)
	switch {
	case err != nil:
		out.Diagnostics.AddError("The server was not read.", err.Error())
	case is == nil:
		out.State.RemoveResource(ctx)
	default:
		v.take(ctx, is)
		out.Diagnostics.Append(out.State.Set(ctx, &v)...)
	}
}

// Update changes name and labels.
func (s *server) Update(ctx context.Context, in resource.UpdateRequest, out *resource.UpdateResponse) {
	var v values
	if out.Diagnostics.Append(in.Plan.Get(ctx, &v)...); out.Diagnostics.HasError() {
		return
	}
	id, _ := strconv.ParseInt(v.ID.ValueString(), 10, 64)
	is, _, err := s.api.Server.Update(ctx, &hcloud.Server{ID: id}, hcloud.ServerUpdateOpts{Name: v.Name.ValueString(), Labels: v.labels(ctx)})
	if err != nil {
		out.Diagnostics.AddError("The server was not changed.", err.Error())
		return
	}
	v.take(ctx, is)
	out.Diagnostics.Append(out.State.Set(ctx, &v)...)
}

// Delete takes the server away.
func (s *server) Delete(ctx context.Context, in resource.DeleteRequest, out *resource.DeleteResponse) {
	var v values
	if out.Diagnostics.Append(in.State.Get(ctx, &v)...); out.Diagnostics.HasError() {
		return
	}
	id, _ := strconv.ParseInt(v.ID.ValueString(), 10, 64)
	if _, _, err := s.api.Server.DeleteWithResult(ctx, &hcloud.Server{ID: id}); err != nil && !hcloud.IsError(err, hcloud.ErrorCodeNotFound) {
		out.Diagnostics.AddError("The server was not taken away.", err.Error())
	}
}

// ImportState takes a server that is there under an address.
func (*server) ImportState(ctx context.Context, in resource.ImportStateRequest, out *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("id"), in, out)
}
