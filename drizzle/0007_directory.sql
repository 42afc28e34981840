CREATE TABLE "directory_entry" (
	"stream" text PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"version" bigint NOT NULL,
	"status" text NOT NULL,
	"effective_at" bigint,
	"received_at" bigint,
	"ended_at" bigint,
	"seen_gone_at" bigint
);
--> statement-breakpoint
CREATE TABLE "directory_head" (
	"one" boolean PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	CONSTRAINT "directory_head_is_one_row" CHECK ("directory_head"."one")
);
--> statement-breakpoint
CREATE TABLE "link_code" (
	"digest" text PRIMARY KEY NOT NULL,
	"identity" text NOT NULL,
	"platform" text NOT NULL,
	"expires_at" bigint NOT NULL,
	"used_at" bigint
);
--> statement-breakpoint
CREATE TABLE "link_try" (
	"account" text NOT NULL,
	"at" bigint NOT NULL,
	"key" text NOT NULL,
	CONSTRAINT "link_try_account_key_pk" PRIMARY KEY("account","key")
);
--> statement-breakpoint
CREATE INDEX "directory_entry_what_changed_since" ON "directory_entry" USING btree ("version");--> statement-breakpoint
CREATE INDEX "directory_entry_whose_leaving_is_not_over" ON "directory_entry" USING btree ("stream") WHERE status = 'left' and seen_gone_at is null;--> statement-breakpoint
CREATE INDEX "link_code_by_identity" ON "link_code" USING btree ("identity");--> statement-breakpoint
CREATE INDEX "link_try_when" ON "link_try" USING btree ("at");