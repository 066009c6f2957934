/** Where people work together: code, chat, calendars, mail, issues, documents, customers. */
import type { Kind } from "./kind.ts"

export const work: ReadonlyArray<Kind> = [
  {
    servers: [
      { name: "github", product: "GitHub", style: "snake" },
      {
        name: "gitlab",
        product: "GitLab",
        style: "snake",
        words: { "pull request": "merge request", repository: "project", "workflow run": "pipeline" },
      },
      { name: "bitbucket", product: "Bitbucket", style: "camel", words: { "workflow run": "pipeline" } },
      { name: "gitea", product: "Gitea", style: "snake" },
      {
        name: "azure-devops",
        product: "Azure DevOps",
        style: "camel",
        words: { issue: "work item", "workflow run": "build" },
      },
    ],
    operations: `
create issue | Open a new issue in a repository, with labels and assignees. | repository title body? labels?:l assignees?:l
get issue | Get one issue by its number, with its labels and state. | repository number:n
update issue | Change the title, body, state or labels of an issue. | repository number:n title? body? state?
list issues | List the issues of a repository, filtered by state, label or assignee. | repository state? labels?:l limit?:n
close issue | Close an issue as completed or not planned. | repository number:n reason?
add issue comment | Add a comment to an issue. | repository number:n body
search issues | Search issues across all repositories with a query. | query sort? limit?:n
create pull request | Open a new pull request from one branch into another. | repository title head base body? draft?:b
get pull request | Get the details of a pull request, with its diff statistics. | repository number:n
list pull requests | List the pull requests of a repository that are open, closed or merged. | repository state? author? limit?:n
merge pull request | Merge a pull request into its base branch, by merge commit, squash or rebase. | repository number:n method? message?
close pull request | Close a pull request without merging it. | repository number:n
add pull request comment | Write a comment on a pull request. | repository number:n body
list pull request files | List the files that a pull request changes, with their patches. | repository number:n
get pull request diff | Get the unified diff of a pull request. | repository number:n
create pull request review | Review a pull request: approve it, request changes or comment on lines. | repository number:n event body? comments?:l
request reviewers | Ask people to review a pull request. | repository number:n reviewers:l
list branches | List the branches of a repository. | repository limit?:n
create branch | Create a branch from a commit or another branch. | repository branch from?
delete branch | Delete a branch of a repository. | repository branch
list commits | List the commits of a branch, newest first. | repository branch? author? limit?:n
get commit | Get one commit with the files that it changed. | repository sha
get file contents | Read a file or a directory of a repository at a branch or commit. | repository path ref?
create or update file | Write one file of a repository in a commit. | repository path content message branch sha?
search code | Search source code in all repositories for text or symbols. | query language? limit?:n
search repositories | Find repositories by name, topic or language. | query sort? limit?:n
create repository | Create a new repository for the user or an organization. | name description? private?:b
fork repository | Fork a repository into an account. | repository organization?
list releases | List the releases of a repository. | repository limit?:n
create release | Publish a release for a tag, with notes. | repository tag name? notes? prerelease?:b
list workflow runs | List recent workflow runs of continuous integration, with their status and result. | repository branch? status? limit?:n
rerun workflow run | Run a failed workflow again. | repository run:n failedOnly?:b
get job logs | Download the log of a job of continuous integration. | repository job:n
list collaborators | List the people who have access to a repository, with their roles. | repository`,
  },
  {
    servers: [
      { name: "slack", product: "Slack", style: "snake" },
      { name: "discord", product: "Discord", style: "snake", words: { workspace: "server" } },
      { name: "teams", product: "Microsoft Teams", style: "kebab", words: { workspace: "team" } },
      { name: "mattermost", product: "Mattermost", style: "snake" },
      { name: "telegram", product: "Telegram", style: "camel", words: { channel: "chat" } },
    ],
    operations: `
post message | Post a message to a channel. | channel text thread?
send direct message | Send a private message to one person. | user text
reply in thread | Answer in the thread of a message. | channel message text
schedule message | Send a message to a channel at a later time. | channel text time
update message | Edit the text of a message that was sent before. | channel message text
delete message | Delete a message from a channel. | channel message
search messages | Search the history of messages that match a query. | query from? channel? limit?:n
list channels | List the channels of the workspace. | types? limit?:n
get channel info | Get the topic, purpose and members of a channel. | channel
get channel history | Read the recent messages of a channel. | channel since? limit?:n
get thread replies | Read all replies of a thread. | channel message limit?:n
create channel | Create a public or private channel. | name private?:b topic?
archive channel | Archive a channel that nobody needs any more. | channel
set channel topic | Change the topic of a channel. | channel topic
invite to channel | Invite people to a channel. | channel users:l
remove from channel | Remove a person from a channel. | channel user
list channel members | List the people in a channel. | channel limit?:n
list users | List the people of the workspace. | limit?:n
get user profile | Get the profile of a person: name, title, time zone and status. | user
find user by email | Look up a person by an email address. | email
set status | Set your status text and emoji. | text emoji? until?
add reaction | Add an emoji reaction to a message. | channel message emoji
remove reaction | Take back an emoji reaction. | channel message emoji
pin message | Pin a message to a channel. | channel message
upload file | Upload a file to a channel and share it. | channel filename content title?
list files | List the files that were shared in the workspace. | channel? user? limit?:n`,
  },
  {
    servers: [
      { name: "google-calendar", product: "Google Calendar", style: "snake" },
      { name: "outlook-calendar", product: "Outlook", style: "camel" },
      { name: "caldav", product: "CalDAV", style: "kebab" },
      { name: "calendly", product: "Calendly", style: "snake" },
    ],
    operations: `
list calendars | List the calendars of the account. | limit?:n
create calendar | Create a calendar. | name timeZone?
list events | List the events of a calendar between two times. | calendar? from to limit?:n
get event | Get one event with its attendees and location. | calendar? event
create event | Create an event with a title, times, attendees and a location. | calendar? title start end attendees?:l location? description?
update event | Change the time, place or attendees of an event. | calendar? event title? start? end?
delete event | Delete an event and tell its attendees. | calendar? event
move event | Move an event to another calendar. | event from to
search events | Search events by text. | query from? to?
quick add event | Create an event from a sentence such as lunch with Ann on Friday at noon. | text
respond to invitation | Accept, decline or tentatively accept an invitation to an event. | event response comment?
find free slots | Find times at which all attendees are free. | attendees:l duration:n from to
get availability | Get the busy times of people between two times. | people:l from to
list event attendees | List the people who are invited to an event, with their answers. | event
add event attendee | Invite one more person to an event. | event email optional?:b
create recurring event | Create an event that repeats by a rule. | title start end rule
set reminder | Set how long before an event it reminds you. | event minutes:n method?
share calendar | Give a person access to a calendar. | calendar email role`,
  },
  {
    servers: [
      { name: "gmail", product: "Gmail", style: "snake" },
      { name: "outlook-mail", product: "Outlook", style: "camel", words: { label: "category" } },
      { name: "fastmail", product: "Fastmail", style: "kebab" },
      { name: "imap", product: "IMAP", style: "snake" },
    ],
    operations: `
send message | Send an email. | to:l subject body cc?:l bcc?:l attachments?:l
create draft | Save an email as a draft. | to:l subject body
send draft | Send a draft that was saved before. | draft
reply to message | Answer an email, to its sender or to everybody. | message body all?:b
forward message | Forward an email to other people. | message to:l comment?
get message | Read one email with its headers, text and attachments. | message format?
list messages | List the emails of a folder, newest first. | folder? limit?:n
search messages | Search the mailbox by sender, subject, date, text, or whether it is unread. | query limit?:n
delete message | Delete an email for good. | message
trash message | Move an email to the trash. | message
archive message | Archive an email out of the inbox. | message
move message | Move an email to another folder. | message folder
mark as read | Mark emails as read. | messages:l
mark as unread | Mark emails as unread. | messages:l
mark as spam | Report an email as spam. | message
list labels | List the labels of the mailbox. |
create label | Create a label. | name color?
apply label | Put a label on emails. | messages:l label
list folders | List the folders of the mailbox. |
get attachment | Download an attachment of an email. | message attachment
get thread | Read a whole conversation of emails. | thread
create filter | Create a rule that sorts incoming email. | from? subject? action
set vacation responder | Answer incoming email automatically while you are away. | subject body start? end?
list contacts | List the contacts of the address book. | query? limit?:n`,
  },
  {
    servers: [
      { name: "jira", product: "Jira", style: "snake" },
      { name: "linear", product: "Linear", style: "camel", words: { sprint: "cycle" } },
      { name: "asana", product: "Asana", style: "snake", words: { issue: "task" } },
      { name: "trello", product: "Trello", style: "camel", words: { issue: "card", project: "board" } },
      { name: "clickup", product: "ClickUp", style: "kebab", words: { issue: "task", project: "space" } },
      { name: "youtrack", product: "YouTrack", style: "snake" },
    ],
    operations: `
create issue | Create an issue in a project, with a type, priority and description. | project title description? type? priority? assignee?
get issue | Get an issue with all its fields. | issue
update issue | Change fields of an issue. | issue title? description? priority?
delete issue | Delete an issue. | issue
search issues | Search issues with a query. | query limit?:n
transition issue | Move an issue to another status, such as in progress or done. | issue status comment?
assign issue | Assign an issue to a person. | issue assignee
add comment | Comment on an issue. | issue body
list comments | List the comments of an issue. | issue limit?:n
add attachment | Attach a file to an issue. | issue filename content
link issues | Link two issues: blocks, duplicates, relates to. | from to type
create subtask | Break an issue down into a smaller one. | parent title assignee?
add label | Put a label on an issue. | issue label
set due date | Set the date by which an issue has to be done. | issue date
set priority | Change how urgent an issue is. | issue priority
estimate issue | Set the story points or time estimate of an issue. | issue estimate:n
add worklog | Log the time that was spent on an issue. | issue duration started? comment?
list worklogs | List the time that was logged on an issue. | issue
watch issue | Follow the changes of an issue. | issue
list projects | List the projects. | query? limit?:n
get project | Get a project with its lead and its members. | project
create project | Create a project. | name key? lead?
list sprints | List the sprints of a project. | project state?
create sprint | Plan a sprint with a goal and dates. | project name start end goal?
add issues to sprint | Put issues into a sprint. | sprint issues:l
complete sprint | Close a sprint and move what is left. | sprint moveTo?
list statuses | List the statuses that an issue of a project can have. | project
list members | List the people who can be assigned issues. | project query?`,
  },
  {
    servers: [
      { name: "notion", product: "Notion", style: "snake" },
      { name: "confluence", product: "Confluence", style: "camel" },
      { name: "coda", product: "Coda", style: "snake" },
      { name: "google-docs", product: "Google Docs", style: "snake", words: { page: "document" } },
    ],
    operations: `
create page | Create a page below another page or in a database. | parent title content?
get page | Read a page with its properties. | page
update page | Change the title or properties of a page. | page title? properties?
append content | Append text, lists or tables to the end of a page. | page content
replace text | Find text in a page and replace it. | page find replace
delete page | Move a page to the trash. | page
restore page | Take a page back out of the trash. | page
duplicate page | Make a copy of a page. | page title?
move page | Move a page below another one. | page parent
search pages | Search pages by title and text. | query limit?:n
list child pages | List the pages below a page. | page
list page versions | List the history of a page. | page
export page | Export a page as PDF, HTML or Markdown. | page format
query database | Query the rows of a database with filters and sorts. | database filter? sort? limit?:n
create database | Create a database with columns. | parent title columns:l
create row | Add a row to a database. | database values
update row | Change a row of a database. | row values
list comments | List the comments of a page. | page
add comment | Comment on a page or on a passage of it. | page text
resolve comment | Mark a discussion as resolved. | comment
share page | Give people access to a page. | page email role
insert image | Insert an image into a page. | page url caption?`,
  },
  {
    servers: [
      { name: "hubspot", product: "HubSpot", style: "snake" },
      { name: "salesforce", product: "Salesforce", style: "camel", words: { deal: "opportunity", company: "account" } },
      {
        name: "pipedrive",
        product: "Pipedrive",
        style: "snake",
        words: { company: "organization", contact: "person" },
      },
      { name: "zendesk", product: "Zendesk", style: "kebab", words: { contact: "customer" } },
    ],
    operations: `
create contact | Create a contact with a name, email address and phone number. | name email phone? company?
get contact | Get a contact with its properties. | contact
update contact | Change properties of a contact. | contact properties
delete contact | Delete a contact. | contact
search contacts | Search contacts by name, email address or company. | query limit?:n
merge contacts | Merge two contacts that are the same person. | primary secondary
create company | Create a company. | name domain? industry?
get company | Get a company with its contacts. | company
search companies | Search companies by name or domain. | query limit?:n
create deal | Create a deal with an amount and a stage. | name amount:n stage contact?
update deal | Change the amount, stage or owner of a deal. | deal amount?:n stage? owner?
list deals | List deals by stage, owner or closing date. | stage? owner? limit?:n
move deal stage | Move a deal to another stage of the pipeline. | deal stage
list pipelines | List the sales pipelines and their stages. |
create ticket | Open a support ticket for a contact. | subject description contact? priority?
update ticket | Change the status, priority or owner of a support ticket. | ticket status? priority? owner?
list tickets | List support tickets by status or owner. | status? owner? limit?:n
reply to ticket | Answer a support ticket. | ticket body public?:b
add note | Write a note on a contact, company or deal. | object text
log call | Record a telephone call with a contact. | contact duration?:n outcome? notes?
create follow up | Plan a task to follow up on a contact. | contact due text
list owners | List the people who own records. |
get sales forecast | Get the forecast of revenue for a period. | from to
export report | Export a report as CSV. | report format?`,
  },
]
