CREATE TABLE "thread_line" (
	"platform" text NOT NULL,
	"channel" text NOT NULL,
	"message" text NOT NULL,
	"version" text NOT NULL,
	"root" text NOT NULL,
	"stream" text NOT NULL,
	"line" text NOT NULL,
	"sent_at" bigint NOT NULL,
	"differs" boolean NOT NULL,
	CONSTRAINT "thread_line_platform_channel_message_version_pk" PRIMARY KEY("platform","channel","message","version")
);
--> statement-breakpoint
CREATE TABLE "thread_root" (
	"platform" text NOT NULL,
	"channel" text NOT NULL,
	"root" text NOT NULL,
	"stream" text NOT NULL,
	"posted_at" bigint NOT NULL,
	"next_at" bigint,
	"read_to" text,
	"read_so_far" bigint NOT NULL,
	"found" bigint,
	CONSTRAINT "thread_root_platform_channel_root_pk" PRIMARY KEY("platform","channel","root")
);
--> statement-breakpoint
CREATE INDEX "thread_line_in_a_thread" ON "thread_line" USING btree ("platform","channel","root");--> statement-breakpoint
CREATE INDEX "thread_line_by_id" ON "thread_line" USING btree ("line");--> statement-breakpoint
CREATE INDEX "thread_root_what_is_read_next" ON "thread_root" USING btree ("next_at") WHERE next_at is not null;