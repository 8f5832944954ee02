-- schema 0014
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
;
CREATE TABLE attempt (
	task_run_seq INTEGER NOT NULL, 
	no INTEGER NOT NULL, 
	fence INTEGER NOT NULL, 
	state SMALLINT NOT NULL, 
	started BIGINT, 
	ended BIGINT, 
	worker VARCHAR, 
	exit_info TEXT, 
	PRIMARY KEY (task_run_seq, no)
)
;
CREATE TABLE command_answer (
	"key" VARCHAR NOT NULL, 
	answer TEXT NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY ("key")
)
;
CREATE TABLE event (
	seq INTEGER NOT NULL, 
	execution_seq BIGINT NOT NULL, 
	task_run_seq INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	state SMALLINT NOT NULL, 
	at BIGINT NOT NULL, 
	cause VARCHAR, 
	PRIMARY KEY (seq)
)
;
CREATE TABLE execution (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	flow_id VARCHAR NOT NULL, 
	flow_key BIGINT NOT NULL, 
	flow_rev INTEGER NOT NULL, 
	state SMALLINT NOT NULL, 
	kind VARCHAR, 
	created BIGINT NOT NULL, 
	started BIGINT, 
	ended BIGINT, 
	schedule_date BIGINT, 
	trigger_id VARCHAR, 
	"trigger" TEXT, 
	parent_id VARCHAR, 
	original_id VARCHAR NOT NULL, 
	attempt_number INTEGER NOT NULL, 
	original_created BIGINT, 
	parent_execution VARCHAR, 
	parent_task_run BIGINT, 
	inputs TEXT, 
	outputs TEXT, 
	variables TEXT, 
	labels TEXT NOT NULL, 
	error TEXT, 
	open_count INTEGER NOT NULL, 
	task_count INTEGER NOT NULL, 
	breakpoints TEXT, 
	version INTEGER NOT NULL, shard SMALLINT DEFAULT '0' NOT NULL, fixtures TEXT, 
	PRIMARY KEY (seq), 
	UNIQUE (id)
)
;
CREATE TABLE execution_label (
	execution_seq INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	tenant VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (execution_seq, "key")
)
;
CREATE TABLE flow (
	flow_key INTEGER NOT NULL, 
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	deleted BOOLEAN NOT NULL, 
	labels TEXT NOT NULL, 
	description TEXT, 
	summary TEXT NOT NULL, 
	updated BIGINT NOT NULL, 
	PRIMARY KEY (flow_key), 
	UNIQUE (tenant, namespace, id)
)
;
CREATE TABLE flow_label (
	flow_key INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	tenant VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY (flow_key, "key")
)
;
CREATE TABLE flow_window (
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	flow_id VARCHAR NOT NULL, 
	condition_id VARCHAR NOT NULL, 
	seen TEXT NOT NULL, 
	start BIGINT NOT NULL, 
	"end" BIGINT NOT NULL, 
	PRIMARY KEY (tenant, namespace, flow_id, condition_id)
)
;
CREATE TABLE instance (
	id INTEGER NOT NULL, 
	epoch INTEGER NOT NULL, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (id)
)
;
CREATE TABLE kv (
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	description TEXT, 
	version INTEGER NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	expires BIGINT, 
	PRIMARY KEY (tenant, namespace, "key")
)
;
CREATE TABLE metric (
	seq INTEGER NOT NULL, 
	execution_seq BIGINT NOT NULL, 
	task_run_seq BIGINT NOT NULL, 
	flow_key BIGINT NOT NULL, 
	task_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	value FLOAT NOT NULL, 
	tags TEXT, 
	at BIGINT NOT NULL, 
	PRIMARY KEY (seq)
)
;
CREATE TABLE namespace_file (
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	directory BOOLEAN NOT NULL, 
	size INTEGER NOT NULL, 
	uri TEXT, 
	updated BIGINT NOT NULL, 
	PRIMARY KEY (tenant, namespace, path)
)
;
CREATE TABLE outbox (
	seq INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	payload TEXT NOT NULL, 
	due BIGINT NOT NULL, shard SMALLINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (seq)
)
;
CREATE TABLE rollup_hour (
	flow_key INTEGER NOT NULL, 
	hour BIGINT NOT NULL, 
	state SMALLINT NOT NULL, 
	tenant VARCHAR NOT NULL, 
	count INTEGER NOT NULL, 
	duration_ms BIGINT NOT NULL, 
	PRIMARY KEY (flow_key, hour, state)
)
;
CREATE TABLE secret (
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	description TEXT, 
	updated BIGINT NOT NULL, tags TEXT, 
	PRIMARY KEY (tenant, namespace, "key")
)
;
CREATE TABLE service (
	id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	host VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	started BIGINT NOT NULL, 
	heartbeat BIGINT NOT NULL, 
	detail TEXT, lease_until BIGINT, 
	PRIMARY KEY (id)
)
;
CREATE TABLE session (
	id VARCHAR NOT NULL, 
	username VARCHAR NOT NULL, 
	created BIGINT NOT NULL, 
	last_seen BIGINT NOT NULL, 
	expires BIGINT NOT NULL, 
	address VARCHAR, 
	browser VARCHAR, 
	remember BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
)
;
CREATE TABLE setting (
	"key" VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	updated BIGINT NOT NULL, 
	PRIMARY KEY ("key")
)
;
CREATE TABLE slot (
	scope VARCHAR NOT NULL, 
	execution_seq INTEGER NOT NULL, 
	PRIMARY KEY (scope, execution_seq)
)
;
CREATE TABLE task_baseline (
	flow_key INTEGER NOT NULL, 
	task_id VARCHAR NOT NULL, 
	samples TEXT NOT NULL, 
	PRIMARY KEY (flow_key, task_id)
)
;
CREATE TABLE task_run (
	seq INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	execution_seq BIGINT NOT NULL, 
	ord INTEGER NOT NULL, 
	task_key INTEGER NOT NULL, 
	task_id VARCHAR NOT NULL, 
	parent_seq INTEGER NOT NULL, 
	iteration INTEGER NOT NULL, 
	value TEXT, 
	state SMALLINT NOT NULL, 
	fence INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	created BIGINT NOT NULL, 
	started BIGINT, 
	ended BIGINT, 
	worker VARCHAR, 
	outputs TEXT, 
	outputs_uri TEXT, 
	outputs_size INTEGER NOT NULL, 
	child_execution VARCHAR, 
	detail TEXT, 
	after_execution BOOLEAN NOT NULL, 
	children TEXT, 
	version INTEGER NOT NULL, 
	PRIMARY KEY (seq), 
	UNIQUE (execution_seq, task_key, parent_seq, iteration), 
	UNIQUE (id)
)
;
CREATE TABLE timer (
	kind VARCHAR NOT NULL, 
	ref INTEGER NOT NULL, 
	due BIGINT NOT NULL, 
	payload TEXT, 
	PRIMARY KEY (kind, ref)
)
;
CREATE TABLE trigger_state (
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	flow_id VARCHAR NOT NULL, 
	trigger_id VARCHAR NOT NULL, 
	type VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	definition TEXT NOT NULL, 
	last_date BIGINT, 
	next_due BIGINT, 
	disabled BOOLEAN NOT NULL, 
	execution_id VARCHAR, 
	evaluating_since BIGINT, 
	worker VARCHAR, 
	fence INTEGER NOT NULL, 
	backfill TEXT, 
	stop_after TEXT, 
	updated BIGINT NOT NULL, shard SMALLINT DEFAULT '0' NOT NULL, event_no BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (tenant, namespace, flow_id, trigger_id)
)
;
CREATE TABLE user_data (
	tenant VARCHAR NOT NULL, 
	owner VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	body TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	shared BOOLEAN NOT NULL, 
	updated BIGINT NOT NULL, 
	PRIMARY KEY (tenant, owner, kind, "key")
)
;
CREATE TABLE waiting (
	seq INTEGER NOT NULL, 
	scope VARCHAR NOT NULL, 
	execution_seq INTEGER NOT NULL, 
	queued BIGINT NOT NULL, 
	PRIMARY KEY (seq), 
	UNIQUE (execution_seq)
)
;
CREATE TABLE flow_revision (
	flow_key INTEGER NOT NULL, 
	revision INTEGER NOT NULL, 
	source TEXT NOT NULL, 
	document TEXT NOT NULL, 
	checksum VARCHAR NOT NULL, 
	deleted BOOLEAN NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	exception TEXT, 
	author VARCHAR, 
	created BIGINT NOT NULL, message TEXT, 
	PRIMARY KEY (flow_key, revision), 
	FOREIGN KEY(flow_key) REFERENCES flow (flow_key)
)
;
CREATE TABLE feed (
	source VARCHAR NOT NULL, 
	n BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	events TEXT NOT NULL, 
	definitions BOOLEAN NOT NULL, 
	PRIMARY KEY (source, n)
)
;
CREATE TABLE inbox (
	seq INTEGER NOT NULL, 
	shard SMALLINT NOT NULL, 
	name VARCHAR NOT NULL, 
	args TEXT NOT NULL, 
	"key" TEXT, 
	principal VARCHAR, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (seq), 
	UNIQUE ("key")
)
;
CREATE TABLE number_block (
	name VARCHAR NOT NULL, 
	last BIGINT NOT NULL, 
	PRIMARY KEY (name)
)
;
CREATE TABLE scope (
	name VARCHAR NOT NULL, 
	PRIMARY KEY (name)
)
;
CREATE TABLE shard (
	id SMALLINT NOT NULL, 
	owner VARCHAR, 
	epoch BIGINT NOT NULL, 
	PRIMARY KEY (id)
)
;
CREATE TABLE namespace (
	tenant VARCHAR NOT NULL, 
	id VARCHAR NOT NULL, 
	description TEXT, 
	variables TEXT, 
	plugin_defaults TEXT, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	PRIMARY KEY (tenant, id)
)
;
CREATE TABLE task_cache (
	"key" VARCHAR NOT NULL, 
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	flow_id VARCHAR NOT NULL, 
	task_id VARCHAR NOT NULL, 
	state SMALLINT NOT NULL, 
	outputs TEXT, 
	outputs_uri TEXT, 
	outputs_size BIGINT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY ("key")
)
;
CREATE TABLE kv_version (
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	type VARCHAR NOT NULL, 
	value TEXT NOT NULL, 
	description TEXT, 
	updated BIGINT NOT NULL, 
	expires BIGINT, 
	PRIMARY KEY (tenant, namespace, "key", version)
)
;
CREATE TABLE namespace_file_author (
	tenant VARCHAR NOT NULL, 
	namespace VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	author VARCHAR NOT NULL, 
	PRIMARY KEY (tenant, namespace, path, version)
)
;
CREATE INDEX ix_command_answer_created ON command_answer (created)
;
CREATE INDEX event_execution ON event (execution_seq, seq)
;
CREATE INDEX execution_created ON execution (tenant, created)
;
CREATE INDEX execution_open ON execution (state) WHERE state < 20
;
CREATE INDEX execution_parent ON execution (parent_execution) WHERE parent_execution is not null
;
CREATE INDEX execution_state ON execution (tenant, state, created)
;
CREATE INDEX execution_label_value ON execution_label (tenant, "key", value, execution_seq)
;
CREATE INDEX flow_updated ON flow (tenant, updated)
;
CREATE INDEX flow_label_value ON flow_label (tenant, "key", value)
;
CREATE INDEX ix_kv_expires ON kv (expires)
;
CREATE INDEX metric_execution ON metric (execution_seq)
;
CREATE INDEX metric_flow ON metric (flow_key, name, at)
;
CREATE INDEX task_run_open ON task_run (execution_seq) WHERE state < 20
;
CREATE INDEX task_run_order ON task_run (execution_seq, ord)
;
CREATE INDEX task_run_parent ON task_run (execution_seq, parent_seq, ord)
;
CREATE INDEX timer_due ON timer (due)
;
CREATE INDEX trigger_due ON trigger_state (next_due) WHERE next_due is not null
;
CREATE INDEX trigger_execution ON trigger_state (execution_id)
;
CREATE INDEX ix_waiting_scope ON waiting (scope)
;
CREATE INDEX feed_at ON feed (at)
;
CREATE INDEX inbox_shard ON inbox (shard, seq)
;
CREATE INDEX ix_shard_owner ON shard (owner)
;
CREATE INDEX metric_at ON metric (at)
;
CREATE INDEX task_cache_flow ON task_cache (tenant, namespace, flow_id)
;
CREATE INDEX execution_flow ON execution (tenant, flow_id, namespace, created)
;
CREATE INDEX execution_trigger ON execution (tenant, trigger_id, created) WHERE trigger_id is not null
;
CREATE INDEX execution_child ON execution (tenant, created) WHERE parent_execution is not null
;
CREATE INDEX execution_namespace ON execution (tenant, namespace, created)
;
CREATE INDEX execution_ended ON execution (tenant, ended)
;
CREATE INDEX execution_ran ON execution (tenant, (ended - coalesce(started, ended)))
;
insert into alembic_version (version_num) values ('0014')
;
