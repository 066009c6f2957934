/** What runs: payments, databases, clouds, browsers, files, maps, monitoring, containers, shops, media. */
import type { Kind } from "./kind.ts"

export const machines: ReadonlyArray<Kind> = [
  {
    servers: [
      { name: "stripe", product: "Stripe", style: "snake" },
      { name: "paypal", product: "PayPal", style: "snake" },
      { name: "square", product: "Square", style: "camel" },
      { name: "adyen", product: "Adyen", style: "kebab" },
      { name: "mollie", product: "Mollie", style: "camel" },
    ],
    operations: `
create payment | Charge a customer an amount in a currency. | amount:n currency customer? method?
get payment | Get a payment with its status. | payment
list payments | List payments by date, customer or status. | customer? status? from? limit?:n
capture payment | Capture a payment that was authorized before. | payment amount?:n
cancel payment | Cancel a payment that was not captured yet. | payment reason?
create refund | Give back all or part of a payment to the customer. | payment amount?:n reason?
get refund | Get a refund with its status. | refund
list refunds | List refunds. | payment? limit?:n
create customer | Create a customer. | name? email? metadata?
get customer | Get a customer with the payment methods on file. | customer
update customer | Change a customer. | customer name? email?
list customers | List customers, by email address. | email? limit?:n
delete customer | Delete a customer and cancel what they subscribed to. | customer
create invoice | Create a draft invoice for a customer. | customer items:l due?
send invoice | Send an invoice to the customer by email. | invoice
void invoice | Void an invoice that was sent by mistake. | invoice
list invoices | List invoices by customer or status. | customer? status? limit?:n
create subscription | Subscribe a customer to a price. | customer price trialDays?:n
update subscription | Change the plan or quantity of a subscription. | subscription price? quantity?:n
cancel subscription | Cancel a subscription now or at the end of its period. | subscription atPeriodEnd?:b
list subscriptions | List subscriptions by customer or status. | customer? status? limit?:n
create product | Create a product that can be sold. | name description?
create price | Set a price of a product, once or recurring. | product amount:n currency interval?
create payment link | Create a link at which a customer can pay. | price quantity?:n
create coupon | Create a discount in percent or as an amount. | percent?:n amount?:n duration
list disputes | List disputes: payments that a customer charged back. | payment? limit?:n
submit dispute evidence | Answer a dispute with evidence. | dispute text files?:l
get balance | Get the balance that is available and pending. |`,
  },
  {
    servers: [
      { name: "postgres", product: "PostgreSQL", style: "snake" },
      { name: "mysql", product: "MySQL", style: "snake" },
      { name: "sqlite", product: "SQLite", style: "snake" },
      { name: "mssql", product: "SQL Server", style: "camel" },
      { name: "snowflake", product: "Snowflake", style: "snake" },
      { name: "bigquery", product: "BigQuery", style: "kebab" },
    ],
    operations: `
execute query | Run a read-only SQL query and return its rows. | sql parameters?:l limit?:n
execute statement | Run an SQL statement that changes data: INSERT, UPDATE or DELETE. | sql parameters?:l
explain query | Show the execution plan of a query, with costs and indexes. | sql analyze?:b
list databases | List the databases. |
list schemas | List the schemas of a database. | database?
list tables | List the tables of a schema, with row counts. | schema?
describe table | Show the columns of a table: names, types, keys and defaults. | table schema?
create table | Create a table. | table columns:l
alter table | Add, change or drop columns of a table. | table changes:l
drop table | Drop a table and its data. | table cascade?:b
list indexes | List the indexes of a table. | table
create index | Create an index on columns of a table. | table columns:l unique?:b
list views | List the views of a schema. | schema?
list functions | List the stored functions and procedures. | schema?
list running queries | List the queries that are running now. | user? longerThan?:n
cancel query | Cancel a query that is running. | query
get table size | Get how much space a table and its indexes take. | table
list slow queries | List the slowest statements. | limit?:n
export table | Export a table as CSV or Parquet. | table format? path?
import data | Load rows from a CSV file into a table. | table path`,
  },
  {
    servers: [
      { name: "mongodb", product: "MongoDB", style: "kebab" },
      { name: "dynamodb", product: "DynamoDB", style: "camel", words: { collection: "table", document: "item" } },
      { name: "elasticsearch", product: "Elasticsearch", style: "snake", words: { collection: "index" } },
      { name: "firestore", product: "Firestore", style: "snake" },
    ],
    operations: `
find documents | Find the documents of a collection that match a filter. | collection filter? projection? limit?:n
get document | Get a document by its id. | collection id
insert documents | Insert one or more documents into a collection. | collection documents:l
update documents | Update the documents that match a filter. | collection filter update
replace document | Replace a document by its id. | collection id document
delete documents | Delete the documents that match a filter. | collection filter
count documents | Count the documents that match a filter. | collection filter?
aggregate documents | Run an aggregation pipeline over a collection. | collection pipeline:l
distinct values | List the distinct values of a field. | collection field
list collections | List the collections of a database. | database?
create collection | Create a collection. | collection options?
drop collection | Drop a collection with all its documents. | collection
list collection indexes | List the indexes of a collection. | collection
create collection index | Create an index on fields of a collection. | collection fields:l unique?:b
collection statistics | Get the size and counts of a collection. | collection
bulk write | Run many writes in one request. | collection operations:l
text search | Search documents by full text. | collection query limit?:n
watch collection | Follow the changes of a collection for a while. | collection seconds?:n`,
  },
  {
    servers: [
      {
        name: "aws",
        product: "AWS",
        style: "snake",
        words: { "serverless function": "Lambda function", "virtual machine": "EC2 instance", "object storage": "S3" },
      },
      {
        name: "gcp",
        product: "Google Cloud",
        style: "camel",
        words: {
          "serverless function": "Cloud Function",
          "virtual machine": "Compute Engine instance",
          "object storage": "Cloud Storage",
        },
      },
      {
        name: "azure",
        product: "Azure",
        style: "kebab",
        words: { bucket: "container", "object storage": "Blob Storage" },
      },
      {
        name: "digitalocean",
        product: "DigitalOcean",
        style: "snake",
        words: { instance: "droplet", "object storage": "Spaces" },
      },
      { name: "scaleway", product: "Scaleway", style: "camel" },
    ],
    operations: `
list instances | List the virtual machines of a region with their state. | region? state? limit?:n
get instance | Get a virtual machine with its addresses and disks. | instance
create instance | Launch a virtual machine from an image. | image type region? name?
start instance | Start a virtual machine that is stopped. | instance
stop instance | Stop a virtual machine. | instance force?:b
reboot instance | Restart a virtual machine. | instance
delete instance | Terminate a virtual machine for good. | instance
resize instance | Change the size of a virtual machine. | instance type
create snapshot | Take a snapshot of a disk. | volume name?
list snapshots | List the snapshots of disks. | volume? limit?:n
list buckets | List the buckets of object storage. | region?
create bucket | Create a bucket in object storage. | bucket region?
delete bucket | Delete an empty bucket. | bucket
list objects | List the objects in a bucket below a prefix. | bucket prefix? limit?:n
get object | Download an object from a bucket. | bucket key
put object | Upload an object to a bucket. | bucket key content
delete object | Delete an object from a bucket. | bucket key
create presigned url | Make a temporary link to an object in a bucket. | bucket key expires?:n
list functions | List the serverless functions. | region?
invoke function | Run a serverless function with a payload. | function payload?
deploy function | Upload new code of a serverless function. | function code runtime?
get function logs | Read the log of a serverless function. | function since? limit?:n
list managed databases | List the managed databases. | engine?
create managed database | Create a managed database. | name engine size
create database backup | Back up a managed database. | database
restore database backup | Restore a managed database from a backup. | database backup
list load balancers | List the load balancers. | region?
list dns zones | List the DNS zones. |
create dns record | Create a DNS record in a zone. | zone name type value ttl?:n
delete dns record | Delete a DNS record of a zone. | zone record
list certificates | List the TLS certificates. |
list firewall rules | List the firewall rules of a network. | network?
create firewall rule | Allow or deny traffic to a network. | network direction port:n source?
list networks | List the virtual networks. |
list access keys | List the access keys of a user. | user?
create access key | Create an access key for a user. | user
list roles | List the roles and their policies. |
get cost report | Get what was spent, by service and period: the bill. | from to groupBy?
get service quota | Get a limit of the account. | service
query audit log | Search who did what in the account. | query from? to?`,
  },
  {
    servers: [
      { name: "playwright", product: "Playwright", style: "snake", prefix: "browser" },
      { name: "puppeteer", product: "Puppeteer", style: "camel", prefix: "browser" },
      { name: "selenium", product: "Selenium", style: "snake" },
      { name: "chrome-devtools", product: "Chrome DevTools", style: "kebab" },
    ],
    operations: `
navigate | Open a URL in the browser. | url timeout?:n
navigate back | Go back to the page before. |
reload | Load the page again. | ignoreCache?:b
click | Click an element of the page. | selector button? doubleClick?:b
hover | Move the mouse over an element. | selector
type | Type text into an element. | selector text submit?:b
press key | Press a key on the keyboard. | key
fill form | Fill several fields of a form. | fields:l
select option | Choose an option of a dropdown. | selector values:l
check | Tick or untick a checkbox. | selector checked?:b
drag | Drag an element onto another one. | from to
upload file | Choose files for a file input. | selector paths:l
take screenshot | Take a screenshot of the page or of one element. | selector? fullPage?:b
snapshot | Get the accessibility tree of the page as text. |
get text | Get the visible text of an element. | selector
get html | Get the HTML of an element. | selector?
evaluate | Run JavaScript in the page. | script
wait for | Wait until text or an element appears. | selector? text? timeout?:n
scroll | Scroll the page or an element. | selector? x?:n y?:n
list tabs | List the open tabs. |
open tab | Open a new tab. | url?
close tab | Close a tab. | tab?:n
resize window | Change the size of the browser window. | width:n height:n
handle dialog | Accept or dismiss a dialog. | accept:b text?
console messages | Get what the page wrote to the console. | level?
network requests | List the requests that the page has made. | filter?`,
  },
  {
    servers: [
      { name: "filesystem", product: "the local disk", style: "snake" },
      { name: "google-drive", product: "Google Drive", style: "snake" },
      { name: "dropbox", product: "Dropbox", style: "camel" },
      { name: "onedrive", product: "OneDrive", style: "camel" },
      { name: "box", product: "Box", style: "kebab" },
      { name: "nextcloud", product: "Nextcloud", style: "snake" },
    ],
    operations: `
read file | Read the contents of a file as text. | path
read media file | Read an image or a recording as base64. | path
read multiple files | Read several files at once. | paths:l
write file | Create a file, or overwrite one with new contents. | path content
edit file | Change lines of a text file and show the difference. | path edits:l dryRun?:b
append file | Append text to a file. | path content
copy file | Copy a file. | from to
move file | Move or rename a file or folder. | from to
delete file | Delete a file. | path permanent?:b
upload file | Upload a file. | path content overwrite?:b
download file | Download a file. | path
get file info | Get the size, type and times of a file. | path
list directory | List the files and folders of a folder. | path
create directory | Create a folder, and its parents where they are missing. | path
delete directory | Delete a folder and everything in it. | path
directory tree | Get a folder with all below it as a tree. | path depth?:n
search files | Find files by name or pattern. | path? pattern limit?:n
search file contents | Find files by the text in them. | query path? limit?:n
list recent files | List the files that were changed lately. | limit?:n
list versions | List the older versions of a file. | path
restore version | Bring back an older version of a file. | path version
share file | Share a file with a person. | path email role?
create shared link | Make a link by which anybody can open a file. | path expires? password?
revoke shared link | Take back a link to a file. | link
list shared files | List the files that others share with you. | limit?:n
get storage usage | Get how much space is used and free. |`,
  },
  {
    servers: [
      { name: "google-maps", product: "Google Maps", style: "snake" },
      { name: "mapbox", product: "Mapbox", style: "camel" },
      { name: "openstreetmap", product: "OpenStreetMap", style: "snake" },
      { name: "here", product: "HERE", style: "kebab" },
    ],
    operations: `
geocode address | Turn an address into coordinates. | address country?
reverse geocode | Turn coordinates into an address. | latitude:n longitude:n
get directions | Get a route between places, by car, bicycle, foot or transit. | from to mode? departure?
get distance matrix | Get travel times and distances between many places. | origins:l destinations:l mode?
optimize route | Order stops so that the trip is shortest. | stops:l
search nearby places | Find places such as restaurants around a location. | location category? radius?:n
search places | Find places by text. | query near?
get place details | Get the opening hours, rating and telephone number of a place. | place
get place photos | Get photos of a place. | place limit?:n
get place reviews | Get what people say about a place. | place limit?:n
autocomplete place | Complete the name of a place while it is typed. | input
get elevation | Get the height above sea level of locations. | locations:l
get time zone | Get the time zone of a location. | latitude:n longitude:n
get static map | Draw a map as an image. | center zoom:n markers?:l
get traffic | Get how busy the roads are. | area
get isochrone | Get the area that can be reached within a time. | location minutes:n mode?`,
  },
  {
    servers: [
      { name: "datadog", product: "Datadog", style: "snake" },
      { name: "grafana", product: "Grafana", style: "snake" },
      { name: "sentry", product: "Sentry", style: "kebab" },
      { name: "newrelic", product: "New Relic", style: "camel" },
      { name: "pagerduty", product: "PagerDuty", style: "snake" },
      { name: "opsgenie", product: "Opsgenie", style: "camel" },
    ],
    operations: `
query metrics | Query time series of metrics between two times. | query from to
list metrics | List the names of metrics. | search? limit?:n
search logs | Search logs with a query between two times. | query from to limit?:n
list dashboards | List the dashboards. | search?
get dashboard | Get a dashboard with its panels. | dashboard
create dashboard | Create a dashboard. | title panels:l
list monitors | List the alert rules and their state. | state? tags?:l
create monitor | Create an alert rule on a query with a threshold. | name query threshold:n
mute monitor | Silence an alert rule for a while. | monitor until?
list alerts | List the alerts that are firing. | severity? limit?:n
list incidents | List the incidents that are open. | status? service? limit?:n
get incident | Get an incident with its timeline. | incident
create incident | Declare an incident. | title severity service?
acknowledge incident | Acknowledge an incident, so that nobody else is paged. | incident
resolve incident | Resolve an incident. | incident note?
add incident note | Write a note into the timeline of an incident. | incident text
list on calls | List the people who are on call now, by schedule. | schedule? escalationPolicy?
list schedules | List the rotations of on-call duty. | query?
override schedule | Take over a shift of on-call duty. | schedule user from to
list services | List the services that are watched. | query?
search traces | Search distributed traces. | query from to limit?:n
list errors | List the exceptions of an application, by frequency. | project from? limit?:n`,
  },
  {
    servers: [
      { name: "kubernetes", product: "Kubernetes", style: "snake" },
      { name: "openshift", product: "OpenShift", style: "snake" },
      { name: "nomad", product: "Nomad", style: "kebab", words: { pod: "allocation", deployment: "job" } },
      { name: "rancher", product: "Rancher", style: "camel" },
    ],
    operations: `
list pods | List the pods of a namespace with their status. | namespace? selector?
get pod | Get one pod with its containers and conditions. | pod namespace?
get pod logs | Read the logs of a container of a pod. | pod container? since? tail?:n
exec in pod | Run a command in a container of a pod. | pod command:l container?
delete pod | Delete a pod, so that it is started anew. | pod namespace?
list deployments | List the deployments of a namespace. | namespace?
get deployment | Get a deployment with its replicas. | deployment namespace?
create deployment | Create a deployment from an image. | name image replicas?:n
scale deployment | Change how many replicas a deployment has. | deployment replicas:n
restart deployment | Restart all pods of a deployment one by one. | deployment
rollback deployment | Go back to an earlier revision of a deployment. | deployment revision?:n
get rollout status | Get how far a rollout is. | deployment
apply manifest | Create or change resources from YAML. | manifest dryRun?:b
delete resource | Delete a resource by kind and name. | kind name namespace?
describe resource | Describe a resource with its events. | kind name namespace?
list services | List the services of a namespace. | namespace?
list ingresses | List the ingresses of a namespace. | namespace?
list config maps | List the config maps of a namespace. | namespace?
list secrets | List the names of the secrets of a namespace. | namespace?
list nodes | List the nodes of the cluster with their capacity. |
drain node | Move everything off a node before maintenance. | node
list events | List recent events of a namespace. | namespace? limit?:n
list namespaces | List the namespaces. |
port forward | Forward a local port to a pod. | pod port:n local?:n`,
  },
  {
    servers: [
      { name: "shopify", product: "Shopify", style: "snake" },
      { name: "woocommerce", product: "WooCommerce", style: "snake" },
      { name: "bigcommerce", product: "BigCommerce", style: "camel" },
      { name: "magento", product: "Magento", style: "kebab" },
    ],
    operations: `
list products | List the products of the shop. | query? limit?:n
get product | Get a product with its variants. | product
create product | Create a product with a price. | title price:n description? images?:l
update product | Change a product. | product title? price?:n
delete product | Delete a product. | product
update inventory | Set how many of a product are in stock. | product quantity:n location?
list orders | List the orders by status and date. | status? from? limit?:n
get order | Get an order with its lines and addresses. | order
create order | Create an order for a customer. | customer items:l
cancel order | Cancel an order and restock its items. | order reason?
fulfill order | Mark an order as shipped, with a tracking number. | order tracking? carrier?
refund order | Give the money of an order back. | order amount?:n
list abandoned carts | List the carts that were left without buying. | from? limit?:n
list shoppers | List the customers of the shop. | query? limit?:n
create discount code | Create a code for a discount. | code percent?:n amount?:n
list collections | List the categories of products. |
add to collection | Put a product into a category. | product collection
get sales report | Get the sales by day, product or channel. | from to groupBy?
get shipping rates | Get what sending an order costs. | order
list product reviews | List what buyers wrote about a product. | product limit?:n
list gift cards | List the gift cards. |
create gift card | Issue a gift card with a balance. | amount:n email?`,
  },
  {
    servers: [
      { name: "mailchimp", product: "Mailchimp", style: "snake" },
      { name: "linkedin", product: "LinkedIn", style: "camel" },
      { name: "mastodon", product: "Mastodon", style: "snake" },
      { name: "youtube", product: "YouTube", style: "kebab" },
      { name: "buffer", product: "Buffer", style: "camel" },
    ],
    operations: `
create post | Publish a post. | text media?:l
schedule post | Publish a post at a later time. | text time media?:l
delete post | Delete a post. | post
get post | Get a post with its reactions. | post
list posts | List your own posts. | limit?:n
search posts | Search public posts. | query limit?:n
get statistics | Get how many people saw and clicked. | from to
list followers | List those who follow you. | limit?:n
list audience comments | List what people wrote below a post. | post limit?:n
answer audience comment | Answer what somebody wrote below a post. | comment text
create campaign | Create a campaign. | name audience content
send campaign | Send a campaign to its audience. | campaign
get campaign report | Get opens, clicks and unsubscribes of a campaign. | campaign
list audiences | List the audiences. |
add subscriber | Add a person to an audience. | audience email
upload video | Upload a video with a title and a description. | path title description?`,
  },
]
