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
CREATE INDEX "event_streams_with_type" ON "event" USING btree ("type","stream");