"""Conversations, messages, people and what must be remembered about them, in one DynamoDB table.

Every partition key starts with the organisation and is made in `keys.py`; nothing reads without it.
There are no scans. What may be forgotten carries `expires_at` (epoch seconds, DynamoDB's TTL).

Items (`c` a conversation, `p` a person; partition key, then sort key):

- conversation: `<org>/conversation/<c>`, `conversation`; get, update
- message, in or out: `<org>/conversation/<c>/messages`, message id; query, update
- received (dedupe): `<org>/conversation/<c>/received`, wamid; put if absent
- usage of a transcription: `<org>/conversation/<c>/transcriptions`, message id; update
- edit or deletion of a message: `<org>/conversation/<c>/effects`, wamid of what it is about; get
- summary of what was said: `<org>/conversation/<c>`, `summary`; get, update
- draft of a turn, tokens of a summary: `<org>/conversation/<c>/drafts`, ULID; put, get
- wamid sent, or its statuses: `<org>/outbound/<wamid>`, `message`; update
- alias of a person: `<org>/person-alias/<kind>/<value>`, `alias`; batch get, put
- person: `<org>/person/<p>`, `person`; get, update
- a person's conversation: `<org>/person/<p>`, `conversation/<c>`; query
- a person's alias: `<org>/person/<p>`, `alias/<kind>/<value>`; query
- dead letter: `<org>/dead-letters`, ULID; query, put
- a person's counter of a minute: `<org>/person/<p>`, `quota/minute/<minute>`; add
- a person has heard of a limit: `<org>/person/<p>`, `told-of-limit/<window>`; update
- counter of a day or month: `<org>/quotas`, `day/<date>` or `month/<month>`; add, get
- vector of a question: `<org>/query-embeddings/<digit>`, `<model>/<sha256>`; batch get, put
- batch of passages embedded: `<org>/embeddings`, document/version/position; update
- rate limit: `<org>/rate-limit/<scope>/<key>`, window; add
- when a number may send next: `<org>/number-rate/<channel>`, `number`; update
- request with an idempotency key: `<org>/idempotency/<API key>/<key>`, `request`; put, update
- event that happened: `<org>/events/<date>`, `<time>/<event>`; query, put
- try to tell an endpoint of an event: `<org>/webhook-deliveries`, `<endpoint>/<time>/<event>`;
  query, put
- event that an endpoint has not taken: `<org>/webhook-dead-letters`, `<endpoint>/<event>`; get,
  put, delete

Indexes (partition key, then sort key):

- `by_activity`: `activity_key`: `<org>/conversations`, `active_at`; newest activity first
- `by_status`: `status_key`: `<org>/conversations/<status>`, `active_at`; those of a status
- `by_status`: `status_key`: `<org>/uncertain-messages`, `active_at`; messages that are uncertain
- `by_status`: `status_key`: `<org>/people`, `active_at`; everybody
- `by_status`: `status_key`: `<org>/webhook-dead-letters/<endpoint>`, `active_at`; newest first
- `by_usage`: `usage_key`: `<org>/usage/<quarter of an hour>`, `used_at`; messages, drafts,
  transcriptions and batches by when they were made, with what they used

Dead letters, rate limits and requests that belong to no organisation have `platform` in its place.
A channel is filtered within these, page by page; a person's few conversations are fetched by key.
What each kind of key means for an erasure is in `erasure.py`: removed, or left to expire.
Items hold strings, integers, binaries and maps of them; floats are refused.
"""
