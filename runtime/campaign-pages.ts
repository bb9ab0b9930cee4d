/**
 * All campaigns, which may be more than one message holds.
 */
import { type CampaignsReport, campaignsReportSchema } from '../protocols/campaign-services.ts';
import { SERVICES } from '../protocols/subjects.ts';

/** Asks one of the engine's services and checks its answer. */
export type Ask = (
  subject: string,
  request: object,
  answer: typeof campaignsReportSchema,
) => Promise<CampaignsReport>;

/** All campaigns by id: asks for those after the last one until none is left. */
export async function allCampaigns(ask: Ask): Promise<CampaignsReport> {
  const first = await ask(SERVICES.inspectCampaigns, {}, campaignsReportSchema);
  const campaigns = [...first.campaigns];
  for (;;) {
    const after = campaigns.at(-1)?.campaign.id;
    if (after === undefined) break;
    const page = await ask(SERVICES.inspectCampaigns, { after }, campaignsReportSchema);
    const news = page.campaigns.filter(({ campaign }) => campaign.id > after);
    // Also where a coordinator of another release answers with all of them, again and again.
    if (news.length === 0) break;
    campaigns.push(...news);
  }
  return { ...first, campaigns };
}
