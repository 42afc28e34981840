CREATE TABLE "local_chat_messages" (
	"id" text PRIMARY KEY NOT NULL,
	"channel" text NOT NULL,
	"root" text,
	"key" text NOT NULL,
	"content" text NOT NULL,
	"version" bigint NOT NULL,
	"posted_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "checkpoint" (
	"log" smallint NOT NULL,
	"size" bigint NOT NULL,
	"root" "bytea" NOT NULL,
	"note" text NOT NULL,
	"at" bigint NOT NULL,
	CONSTRAINT "checkpoint_log_size_pk" PRIMARY KEY("log","size")
);
--> statement-breakpoint
CREATE TABLE "event" (
	"stream" text NOT NULL,
	"seq" bigint NOT NULL,
	"type" text NOT NULL,
	"v" bigint NOT NULL,
	"at" bigint NOT NULL,
	"body" text NOT NULL,
	"prev" "bytea",
	"leaf_hash" "bytea" NOT NULL,
	"mac" "bytea" NOT NULL,
	CONSTRAINT "event_place_in_stream" PRIMARY KEY("stream","seq"),
	CONSTRAINT "event_by_leaf_hash" UNIQUE("leaf_hash")
);
--> statement-breakpoint
CREATE TABLE "event_pending" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "event_pending_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"leaf_hash" "bytea" NOT NULL,
	"at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "leaf" (
	"log" smallint NOT NULL,
	"leaf_index" bigint NOT NULL,
	"leaf_hash" "bytea" NOT NULL,
	CONSTRAINT "leaf_place" PRIMARY KEY("log","leaf_index"),
	CONSTRAINT "leaf_of_event" UNIQUE("log","leaf_hash")
);
--> statement-breakpoint
CREATE TABLE "log" (
	"id" smallint PRIMARY KEY NOT NULL,
	"origin" text NOT NULL,
	"started_at" bigint NOT NULL,
	CONSTRAINT "log_origin_unique" UNIQUE("origin")
);
--> statement-breakpoint
CREATE TABLE "private_text" (
	"leaf_hash" "bytea" NOT NULL,
	"path" text NOT NULL,
	"salt" "bytea" NOT NULL,
	"sealed" "bytea" NOT NULL,
	CONSTRAINT "private_text_leaf_hash_path_pk" PRIMARY KEY("leaf_hash","path")
);
--> statement-breakpoint
CREATE TABLE "quarantine" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "quarantine_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"what" text NOT NULL,
	"why" text NOT NULL,
	"at" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "stream_head" (
	"stream" text PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"hash" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "tile" (
	"log" smallint NOT NULL,
	"level" smallint NOT NULL,
	"tile_index" bigint NOT NULL,
	"hashes" "bytea" NOT NULL,
	CONSTRAINT "tile_log_level_tile_index_pk" PRIMARY KEY("log","level","tile_index")
);
--> statement-breakpoint
CREATE TABLE "witness_receipt" (
	"log" smallint NOT NULL,
	"size" bigint NOT NULL,
	"witness" text NOT NULL,
	"at" bigint NOT NULL,
	CONSTRAINT "witness_receipt_log_witness_size_pk" PRIMARY KEY("log","witness","size")
);
--> statement-breakpoint
CREATE TABLE "schedule_slot" (
	"job" text NOT NULL,
	"slot" bigint NOT NULL,
	"at" bigint NOT NULL,
	CONSTRAINT "schedule_slot_job_slot_pk" PRIMARY KEY("job","slot")
);
--> statement-breakpoint
CREATE TABLE "reveal" (
	"token_hash" text PRIMARY KEY NOT NULL,
	"grant_id" text NOT NULL,
	"identity_id" text NOT NULL,
	"expires_at" bigint NOT NULL,
	"used_at" bigint
);
--> statement-breakpoint
CREATE TABLE "act" (
	"key" text PRIMARY KEY NOT NULL,
	"at" bigint NOT NULL,
	"answer" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "announced" (
	"stream" text PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "grant_state" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"status" text NOT NULL,
	"by_identity" text NOT NULL,
	"for_identity" text NOT NULL,
	"target" text NOT NULL,
	"entitlement" text NOT NULL,
	"asked_at" bigint NOT NULL,
	"next_due_at" bigint,
	"open_for" text
);
--> statement-breakpoint
CREATE TABLE "identity_lock" (
	"id" text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE "notice" (
	"key" text PRIMARY KEY NOT NULL,
	"stream" text NOT NULL,
	"platform" text NOT NULL,
	"state" text NOT NULL,
	"channel" text,
	"message" text,
	"content_hash" text NOT NULL,
	"attempts" bigint NOT NULL,
	"at" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "local_chat_messages" ADD CONSTRAINT "local_chat_messages_root_local_chat_messages_id_fk" FOREIGN KEY ("root") REFERENCES "public"."local_chat_messages"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "local_chat_messages_posted_under_key" ON "local_chat_messages" USING btree ("key");--> statement-breakpoint
CREATE UNIQUE INDEX "local_chat_messages_newer_than_version" ON "local_chat_messages" USING btree ("version");--> statement-breakpoint
CREATE INDEX "local_chat_messages_in_thread" ON "local_chat_messages" USING btree ("root");--> statement-breakpoint
CREATE INDEX "event_streams_with_type" ON "event" USING btree ("type","stream");--> statement-breakpoint
CREATE INDEX "reveal_by_expiry" ON "reveal" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "grant_state_what_is_due_next" ON "grant_state" USING btree ("next_due_at") WHERE next_due_at is not null;--> statement-breakpoint
CREATE INDEX "grant_state_what_is_ending" ON "grant_state" USING btree ("id") WHERE status = 'ending';--> statement-breakpoint
CREATE INDEX "grant_state_what_is_open_for_whom" ON "grant_state" USING btree ("open_for") WHERE open_for is not null;--> statement-breakpoint
CREATE INDEX "notice_what_was_said_about_a_stream" ON "notice" USING btree ("stream");