import com.databricks.sdk.WorkspaceClient;
import com.databricks.sdk.core.DatabricksConfig;
import com.databricks.sdk.core.error.platform.ResourceConflict;
import com.databricks.sdk.service.cleanrooms.*;
import com.databricks.sdk.service.jobs.*;
import com.databricks.sdk.service.settings.*;
import com.databricks.sdk.service.sql.*;
import java.util.*;

/** Both sides of a room, from creating it to the run's output, with Databricks' Java SDK. Arguments: per side host, client id, secret,
 * token, metastore, workspace, warehouse; then the notebook's content. Prints one line per step that went as it should. */
public class TwoSides {
  record Side(WorkspaceClient admin, WorkspaceClient service, String client, String metastore, long workspace, String warehouse) {
    static Side of(String[] a, int at) {
      var token = new DatabricksConfig().setHost(a[at]).setToken(a[at + 3]).setAuthType("pat");
      var secret = new DatabricksConfig().setHost(a[at]).setClientId(a[at + 1]).setClientSecret(a[at + 2]).setAuthType("oauth-m2m");
      return new Side(new WorkspaceClient(token), new WorkspaceClient(secret), a[at + 1], a[at + 4], Long.parseLong(a[at + 5]), a[at + 6]);
    }

    List<List<String>> sql(WorkspaceClient client, String text) {
      var reply = client.statementExecution().executeStatement(
          new ExecuteStatementRequest().setStatement(text).setWarehouseId(warehouse));
      expect(reply.getStatus().getState() == StatementState.SUCCEEDED, text + ": " + reply.getStatus().getError());
      var rows = new ArrayList<List<String>>();
      for (var row : Objects.requireNonNullElse(reply.getResult().getDataArray(), List.<Collection<String>>of())) rows.add(List.copyOf(row));
      return rows;
    }
  }

  static void expect(boolean right, String what) {
    if (!right) throw new IllegalStateException(what);
  }

  static CleanRoomAsset table(String name, String local) {
    return new CleanRoomAsset().setName(name).setAssetType(CleanRoomAssetAssetType.TABLE)
        .setTableLocalDetails(new CleanRoomAssetTableLocalDetails().setLocalName(local));
  }

  static CleanRoomAsset notebook(String content) {
    return new CleanRoomAsset().setName("plan").setAssetType(CleanRoomAssetAssetType.NOTEBOOK_FILE)
        .setNotebook(new CleanRoomAssetNotebook().setNotebookContent(content).setRunnerCollaboratorAliases(List.of("collaborator")));
  }

  static void share(Side side, String name, String local) {
    side.admin.cleanRoomAssets().create(new CreateCleanRoomAssetRequest().setCleanRoomName("java_room").setAsset(table(name, local)));
  }

  public static void main(String[] a) throws Exception {
    Side provider = Side.of(a, 0), consumer = Side.of(a, 7);
    expect(provider.admin.metastores().summary().getGlobalMetastoreId().equals(provider.metastore), "summary");
    provider.sql(provider.admin, "CREATE TABLE provider_data.default.j AS SELECT * FROM VALUES ('a', 'EU'), ('b', 'EU') AS t(token, region)");
    consumer.sql(consumer.admin, "CREATE TABLE consumer_data.default.j AS SELECT * FROM VALUES ('a', 1), ('b', 0) AS t(token, hit)");

    var policy = new EgressNetworkPolicy().setInternetAccess(new EgressNetworkPolicyInternetAccessPolicy()
        .setRestrictionMode(EgressNetworkPolicyInternetAccessPolicyRestrictionMode.RESTRICTED_ACCESS));
    var remote = new CleanRoomRemoteDetail().setCloudVendor("aws").setRegion("us-west-2").setEgressNetworkPolicy(policy).setCollaborators(List.of(
        new CleanRoomCollaborator().setCollaboratorAlias("creator").setGlobalMetastoreId(provider.metastore),
        new CleanRoomCollaborator().setCollaboratorAlias("collaborator").setGlobalMetastoreId(consumer.metastore)
            .setInviteRecipientEmail("admin@consumer.example").setInviteRecipientWorkspaceId(consumer.workspace)));
    provider.admin.cleanRooms().create(new CreateCleanRoomRequest().setCleanRoom(new CleanRoom().setName("java_room").setRemoteDetailedInfo(remote)));
    var room = provider.admin.cleanRooms().waitGetCleanRoomActive("java_room");
    expect(room.getStatus() == CleanRoomStatusEnum.ACTIVE, "active");
    int seen = 0;
    for (var each : consumer.admin.cleanRooms().list(new ListCleanRoomsRequest())) if (each.getName().equals("java_room")) seen++;
    expect(seen == 1 && consumer.admin.cleanRooms().get("java_room").getLocalCollaboratorAlias().equals("collaborator"), "seen by both");
    System.out.println("room");

    share(provider, "creator.s.j", "provider_data.default.j");
    share(consumer, "collaborator.s.j", "consumer_data.default.j");
    var own = new CleanRoomOutputCatalog().setCatalogName("java_results");
    consumer.admin.cleanRooms().createOutputCatalog(new CreateCleanRoomOutputCatalogRequest().setCleanRoomName("java_room").setOutputCatalog(own));
    System.out.println("assets");

    var made = provider.admin.cleanRoomAssets().create(new CreateCleanRoomAssetRequest().setCleanRoomName("java_room").setAsset(notebook(a[14])));
    var review = new CreateCleanRoomAssetReviewRequest().setCleanRoomName("java_room").setName("plan").setAssetType(CleanRoomAssetAssetType.NOTEBOOK_FILE);
    var approved = CleanRoomNotebookReviewNotebookReviewState.APPROVED;
    try {
      consumer.admin.cleanRoomAssets().createCleanRoomAssetReview(
          review.setNotebookReview(new NotebookVersionReview().setEtag("old").setReviewState(approved)));
      throw new IllegalStateException("a review of another etag was taken");
    } catch (ResourceConflict right) {
      System.out.println("conflict");
    }
    var etag = made.getNotebook().getEtag();
    var answer = consumer.admin.cleanRoomAssets().createCleanRoomAssetReview(
        review.setNotebookReview(new NotebookVersionReview().setEtag(etag).setReviewState(approved)));
    expect(answer.getNotebookReviewState() == approved, "approved");
    System.out.println("review");

    var rule = new CleanRoomAutoApprovalRule().setAuthorScope(CleanRoomAutoApprovalRuleAuthorScope.ANY_AUTHOR).setRunnerCollaboratorAlias("collaborator");
    consumer.admin.cleanRoomAutoApprovalRules().create(
        new CreateCleanRoomAutoApprovalRuleRequest().setCleanRoomName("java_room").setAutoApprovalRule(rule));
    for (var each : consumer.admin.cleanRoomAutoApprovalRules().list("java_room")) consumer.admin.cleanRoomAutoApprovalRules().delete("java_room", each.getRuleId());
    System.out.println("rules");

    var task = new CleanRoomsNotebookTask().setCleanRoomName("java_room").setNotebookName("plan").setEtag(etag);
    var runAs = new JobRunAs().setServicePrincipalName(consumer.client);
    consumer.sql(consumer.admin, "GRANT EXECUTE CLEAN ROOM TASK ON CLEAN ROOM java_room TO `" + consumer.client + "`");
    var run = consumer.admin.jobs().submit(new SubmitRun().setRunAs(runAs)
        .setTasks(List.of(new SubmitTask().setTaskKey("t").setCleanRoomsNotebookTask(task)))).get();
    expect(run.getState().getResultState() == RunResultState.SUCCESS, run.getState().getStateMessage());
    var output = consumer.admin.jobs().getRunOutput(run.getTasks().iterator().next().getRunId()).getCleanRoomsNotebookOutput().getOutputSchemaInfo();
    var rows = consumer.sql(consumer.service, "SELECT * FROM java_results." + output.getSchemaName() + ".hits");
    expect(rows.equals(List.of(List.of("EU", "1"))), rows.toString());
    System.out.println("run");

    for (var side : List.of(provider, consumer))
      for (var each : side.admin.cleanRoomTaskRuns().list("java_room")) expect(each.getNotebookName().equals("plan"), "task runs");
    provider.admin.cleanRooms().delete("java_room");
    expect(consumer.admin.cleanRooms().get("java_room").getStatus() == CleanRoomStatusEnum.DELETED, "stub");
    System.out.println("deleted");
  }
}
