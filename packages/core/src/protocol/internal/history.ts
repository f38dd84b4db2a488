// Written by `npm run protocol:history`. Do not edit.

import type { History } from "./spans.ts"

export const history: History = {
  versions: [
    "0.160.1",
    "0.161.0",
    "0.162.1",
    "0.163.0",
    "0.164.0",
    "0.165.0",
    "0.166.0",
    "0.167.2",
    "0.169.0",
    "0.171.0"
  ],
  requests: {
    "account/bedrock/checkGovCloudRequirements": { since: "0.161.0" },
    "account/gcp/setup": { since: "0.166.0" },
    "account/securitySetup/read": { since: "0.169.0" },
    "accountSession/list": { since: "0.166.0" },
    "accountSession/switch": { since: "0.166.0" },
    "feedback/save": { since: "0.164.0" },
    "modelProvider/config/write": { since: "0.169.0" },
    "modelProvider/default/set": { since: "0.171.0" },
    "modelProvider/list": { since: "0.169.0" },
    "thread/attachmentOwner/list": { since: "0.162.0" },
    "thread/guardianReview": { since: "0.167.0" },
    "thread/items/read": { since: "0.163.0" },
    "thread/memory/read": { since: "0.165.0" },
    "thread/prediction/request": { since: "0.161.0" },
    "thread/prepareApprovedPlan": { since: "0.169.0" },
    "thread/readState/update": { since: "0.163.0" },
    "thread/realtime/list": { since: "0.171.0" },
    "thread/sample": { since: "0.164.0" },
    "thread/sample/cancel": { since: "0.164.0" },
    "thread/search/cancel": { since: "0.171.0" },
    "thread/search/stream": { since: "0.171.0" },
    "thread/search/stream/cancel": { since: "0.171.0" }
  },
  serverRequests: {
    "currentTime/read": { until: "0.171.0" }
  },
  notifications: {
    "thread/prediction/updated": { since: "0.161.0" },
    "thread/readState/changed": { since: "0.163.0" },
    "thread/search/partial": { since: "0.171.0" },
    "thread/section/changed": { since: "0.167.0" }
  },
  fields: {
    "environment/add.skills": { since: "0.162.0" },
    "environment/add.websocketRequestId": { since: "0.163.0" },
    "hooks/list.threadId": { since: "0.166.0" },
    "mcpServer/oauth/login.environmentId": { since: "0.171.0" },
    "mcpServer/resource/read._meta": { since: "0.169.0" },
    "mcpServer/resource/read.environmentId": { since: "0.171.0" },
    "mcpServer/tool/call.environmentId": { since: "0.171.0" },
    "mcpServerStatus/list.environmentId": { since: "0.171.0" },
    "model/list.modelProvider": { since: "0.169.0" },
    "thread/fork.attachToSource": { since: "0.165.0" },
    "thread/fork.experimentalDisablePredictionMcp": { since: "0.164.0" },
    "thread/fork.experimentalPredictionMode": { since: "0.163.0" },
    "thread/goal/clear.origin": { since: "0.161.0" },
    "thread/goal/set.origin": { since: "0.161.0" },
    "thread/items/list.deferOutput": { since: "0.169.0" },
    "thread/list.attachedToThreadId": { since: "0.165.0" },
    "thread/list.currentAccountOnly": { since: "0.169.0" },
    "thread/list.excludedThreadIds": { since: "0.163.0" },
    "thread/list.includeAttachedThreads": { since: "0.169.0" },
    "thread/list.includedThreadIds": { since: "0.171.0" },
    "thread/queue/add.responsesapiClientMetadata": { since: "0.169.0" },
    "thread/queue/update.responsesapiClientMetadata": { since: "0.169.0" },
    "thread/realtime/start.voiceSessionId": { since: "0.164.0" },
    "thread/sample.allowInProgressTurn": { since: "0.169.0" },
    "thread/sample.interruptOnCancel": { since: "0.167.0" },
    "thread/sample.threadSource": { since: "0.165.0" },
    "thread/search.currentAccountOnly": { since: "0.169.0" },
    "thread/search.includeAttachedThreads": { since: "0.169.0" },
    "thread/settings/update.environments": { since: "0.169.0" },
    "turn/settings/update.environments": { since: "0.169.0" },
    "turn/start.parentTurnId": { since: "0.162.0" },
    "turn/start.responsesapiClientMetadataPatch": { since: "0.164.0" },
    "turn/start.rootTurnId": { since: "0.162.0" },
    "turn/steer.responsesapiClientMetadataPatch": { since: "0.164.0" }
  }
}
