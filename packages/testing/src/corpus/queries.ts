/**
 * Fifty things that a model looks for on a person's behalf, and the tool that it should find.
 *
 * They were written before there was a search engine, from the person's side. They are never fitted to the engine.
 */

/** What a model asks, and the tool of the server that answers it. */
export interface Query {
  readonly query: string
  readonly server: string
  readonly tool: string
}

const asked: ReadonlyArray<readonly [query: string, server: string, tool: string]> = [
  ["create a new issue in a GitHub repository", "github", "create_issue"],
  ["merge a pull request on github", "github", "merge_pull_request"],
  ["list open merge requests gitlab", "gitlab", "list_merge_requests"],
  ["comment on a GitHub PR", "github", "add_pull_request_comment"],
  ["which workflow runs failed on GitHub Actions", "github", "list_workflow_runs"],
  ["bitbucket create branch", "bitbucket", "createBranch"],
  ["search for code across gitlab projects", "gitlab", "search_code"],
  ["send a message to a Slack channel", "slack", "post_message"],
  ["find old slack messages about the outage", "slack", "search_messages"],
  ["add emoji reaction slack", "slack", "add_reaction"],
  ["send direct message on Discord", "discord", "send_direct_message"],
  ["schedule a Teams message for later", "teams", "schedule-message"],
  ["what meetings do I have tomorrow, Google Calendar", "google-calendar", "list_events"],
  ["create calendar event with attendees in outlook", "outlook-calendar", "createEvent"],
  ["find a free time slot for several people in google calendar", "google-calendar", "find_free_slots"],
  ["decline an invitation to an outlook meeting", "outlook-calendar", "respondToInvitation"],
  ["refund a payment in Stripe", "stripe", "create_refund"],
  ["stripe cancel subscription", "stripe", "cancel_subscription"],
  ["send invoice to customer with PayPal", "paypal", "send_invoice"],
  ["list disputes and chargebacks stripe", "stripe", "list_disputes"],
  ["run SQL query against postgres", "postgres", "execute_query"],
  ["describe columns of a MySQL table", "mysql", "describe_table"],
  ["explain query plan postgres", "postgres", "explain_query"],
  ["insert documents into mongodb collection", "mongodb", "insert-documents"],
  ["restart an EC2 instance", "aws", "reboot_instance"],
  ["read the logs of a lambda function", "aws", "get_function_logs"],
  ["how much did we spend on AWS last month", "aws", "get_cost_report"],
  ["list storage buckets google cloud", "gcp", "listBuckets"],
  ["take a screenshot of the current web page with playwright", "playwright", "browser_take_screenshot"],
  ["click a button on the page using puppeteer", "puppeteer", "browserClick"],
  ["fill in a form in the browser with playwright", "playwright", "browser_fill_form"],
  ["read contents of a file on disk", "filesystem", "read_file"],
  ["move or rename a file on the local filesystem", "filesystem", "move_file"],
  ["share a google drive file with someone", "google-drive", "share_file"],
  ["upload a file to dropbox", "dropbox", "uploadFile"],
  ["create jira ticket", "jira", "create_issue"],
  ["move Jira issue to done", "jira", "transition_issue"],
  ["log time spent on a jira issue", "jira", "add_worklog"],
  ["assign linear issue to teammate", "linear", "assignIssue"],
  ["driving directions between two addresses google maps", "google-maps", "get_directions"],
  ["find restaurants near a location with Google Maps", "google-maps", "search_nearby_places"],
  ["convert address to coordinates mapbox", "mapbox", "geocodeAddress"],
  ["reply to an email in gmail", "gmail", "reply_to_message"],
  ["find unread emails in Gmail from my boss", "gmail", "search_messages"],
  ["set out of office auto reply outlook mail", "outlook-mail", "setVacationResponder"],
  ["who is on call right now pagerduty", "pagerduty", "list_on_calls"],
  ["query metrics in datadog for the last hour", "datadog", "query_metrics"],
  ["create a page in notion", "notion", "create_page"],
  ["scale kubernetes deployment replicas", "kubernetes", "scale_deployment"],
  ["create contact in hubspot", "hubspot", "create_contact"],
]

export const queries: ReadonlyArray<Query> = asked.map(([query, server, tool]) => ({ query, server, tool }))
